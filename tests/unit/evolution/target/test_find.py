"""Where tests, benchmarks and a project's own files are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dean_airflow.evolution.target.find_benchmark import detect_benchmark, parse_benchmark
from dean_airflow.evolution.target.find_files import (
    chosen_files,
    detect_files,
    detect_source_roots,
    sort_out_unreadable,
)
from dean_airflow.evolution.target.find_tests import detect_tests
from dean_airflow.evolution.target.target import Workload
from tests.unit.evolution.target.files import project

TEST = "def test_x():\n    pass\n"
BENCH = "def test_slow(benchmark):\n    benchmark(sum, [1])\n\n\ndef test_plain():\n    pass\n"


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        ({}, None),
        ({"tests/test_a.py": TEST}, ("tests",)),
        ({"test/a_test.py": TEST}, ("test",)),
        ({"tests/data.py": ""}, None),
        ({"tests/unit/test_a.py": TEST, "test_b.py": TEST}, ("tests",)),
        ({"test_b.py": TEST, "test_a.py": TEST, "mod.py": ""}, ("test_a.py", "test_b.py")),
        ({"pkg/tests/test_a.py": TEST, "pkg/sub/tests/test_b.py": TEST}, ("pkg/sub/tests", "pkg/tests")),
        ({"pytest.ini": "[pytest]\ntestpaths = checks more\n", "checks/test_a.py": TEST}, ("checks",)),
        ({"tox.ini": "[pytest]\ntestpaths = checks\n", "checks/test_a.py": TEST, "tests/test_a.py": TEST}, ("checks",)),
        ({"setup.cfg": "[tool:pytest]\ntestpaths = checks/*\n", "checks/a/test_a.py": TEST}, ("checks/a",)),
        (
            {"pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["checks"]\n', "checks/test_a.py": TEST},
            ("checks",),
        ),
        ({"pytest.ini": "[pytest]\ntestpaths = ../other /etc gone\n", "tests/test_a.py": TEST}, ("tests",)),
        ({".hidden/tests/test_a.py": TEST}, None),
    ],
)
def test_tests_are_found(tmp_path: Path, files: dict[str, str], tests: tuple[str, ...] | None) -> None:
    assert detect_tests(project(tmp_path, files).project) == tests


@pytest.mark.parametrize(
    ("files", "workload"),
    [
        ({"tests/test_a.py": TEST}, Workload("suite", "")),
        ({"tests/test_a.py": TEST, "tests/test_b.py": BENCH}, Workload("pytest", "tests/test_b.py::test_slow")),
        (
            {"tests/test_a.py": TEST, "benchmarks/test_b.py": BENCH.replace("_slow(", "_slow(self_made, ")},
            Workload("pytest", "benchmarks/test_b.py::test_slow"),
        ),
        (
            {"tests/test_a.py": "class TestIt:\n    def test_b(self, benchmark):\n        pass\n"},
            Workload("pytest", "tests/test_a.py::TestIt::test_b"),
        ),
        (
            {"tests/conftest.py": "def benchmark():\n    return 3\n", "tests/test_b.py": BENCH},
            Workload("suite", ""),
        ),
        (
            {"tests/test_a.py": TEST, "benchmark.py": "def helper(n):\n    pass\n\n\ndef run(seed):\n    pass\n"},
            Workload("callable", "benchmark:run"),
        ),
        (
            {"tests/test_a.py": TEST, "benchmarks/speed.py": "def all_of_it(seed=0):\n    pass\n"},
            Workload("callable", "benchmarks.speed:all_of_it"),
        ),
        ({"tests/test_a.py": TEST, "benchmarks/bench-x.py": "def run(seed): pass\n"}, Workload("suite", "")),
        ({"tests/test_a.py": TEST, "benchmark.py": "def run(): pass\ndef _run(seed): pass\n"}, Workload("suite", "")),
        ({"tests/test_a.py": TEST, "benchmark.py": "def broken(:\n"}, Workload("suite", "")),
        ({"mod.py": ""}, None),
    ],
)
def test_benchmarks_are_found(tmp_path: Path, files: dict[str, str], workload: Workload | None) -> None:
    folder = project(tmp_path, files).project
    assert detect_benchmark(folder, detect_tests(folder)) == workload


@pytest.mark.parametrize(
    ("text", "workload"),
    [
        ("suite", Workload("suite", "")),
        ("pytest: tests/perf -k fast", Workload("pytest", "tests/perf -k fast")),
        ("command:python bench.py 'a b'", Workload("command", "python bench.py 'a b'")),
        ("pkg.speed:Run.once", Workload("callable", "pkg.speed:Run.once")),
        (" pkg.speed:imported ", Workload("callable", "pkg.speed:imported")),
        ("pkg:anything", Workload("callable", "pkg:anything")),
    ],
)
def test_benchmarks_are_parsed(tmp_path: Path, text: str, workload: Workload) -> None:
    files = {
        "src/pkg/__init__.py": "from pkg.speed import *\n",
        "src/pkg/speed.py": "from os import getcwd as imported\n\n\nclass Run:\n    once = 1\n",
    }
    assert parse_benchmark(text, project(tmp_path, files).project, ("src", ""), "here") == workload


@pytest.mark.parametrize(
    ("files", "roots", "own"),
    [
        ({"pkg/__init__.py": "", "pkg/a/b.py": ""}, ("",), ["pkg/__init__.py", "pkg/a/b.py"]),
        ({"src/pkg/__init__.py": "", "tool.py": ""}, ("src", ""), ["src/pkg/__init__.py"]),
        ({"src/mod.py": ""}, ("src", ""), ["src/mod.py"]),
        ({"src/__init__.py": "", "src/mod.py": ""}, ("",), ["src/__init__.py", "src/mod.py"]),
        ({"lib/pkg/__init__.py": ""}, ("lib", ""), ["lib/pkg/__init__.py"]),
        (
            {"code/pkg/__init__.py": "", "setup.cfg": "[options]\npackage_dir =\n    = code\n"},
            ("code", ""),
            ["code/pkg/__init__.py"],
        ),
        (
            {"code/pkg/__init__.py": "", "pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["code"]\n'},
            ("code", ""),
            ["code/pkg/__init__.py"],
        ),
        (
            {"code/pkg/__init__.py": "", "pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "../code"}\n'},
            ("",),
            ["code/pkg/__init__.py"],
        ),
        (
            {"mod.py": "", "other.py": "", "setup.py": "", "noxfile.py": "", "conftest.py": ""},
            ("",),
            ["mod.py", "other.py"],
        ),
        ({"namespace/mod.py": "", "mod.py": ""}, ("",), ["mod.py", "namespace/mod.py"]),
        (
            {
                "pkg/__init__.py": "",
                **{f"pkg/{name}/x.py": "" for name in ("tests", "_vendor", "vendor", "migrations")},
                **{f"{name}/x.py": "" for name in ("tests", "docs", "examples", "benchmarks", "scripts", "build")},
                **{f"pkg/{name}.py": "" for name in ("_version", "conftest", "test_inside", "inside_test")},
                **dict.fromkeys(("test_x.py", "benchmark.py", "bench_all.py", ".hidden/x.py", "a-b/x.py"), ""),
            },
            ("",),
            ["pkg/__init__.py"],
        ),
        ({"pkg/__init__.py": "", "pkg/benchmark.py": ""}, ("",), ["pkg/__init__.py", "pkg/benchmark.py"]),
    ],
)
def test_own_files_are_found(tmp_path: Path, files: dict[str, str], roots: tuple[str, ...], own: list[str]) -> None:
    folder = project(tmp_path, files).project
    assert detect_source_roots(folder) == roots
    assert detect_files(folder, roots) == own


def test_links_are_not_changed(tmp_path: Path) -> None:
    folder = project(tmp_path / "x", {"pkg/__init__.py": "", "pkg/real.py": ""}).project
    (tmp_path / "outside.py").write_text("")
    (folder / "pkg/outside.py").symlink_to(tmp_path / "outside.py")
    (folder / "pkg/alias.py").symlink_to("real.py")
    (folder / "linked").symlink_to("pkg")
    (folder / "mod.py").symlink_to("pkg/real.py")
    assert detect_files(folder, ("",)) == ["pkg/__init__.py", "pkg/real.py"]
    assert chosen_files(folder, ["**/*.py"], "here") == ["pkg/__init__.py", "pkg/real.py"]


def test_globs_choose_files_and_folders(tmp_path: Path) -> None:
    folder = project(
        tmp_path, {"pkg/a.py": "", "pkg/b.txt": "", "pkg/sub/c.py": "", "other.py": "", "docs/d.py": ""}
    ).project
    assert chosen_files(folder, ["pkg", "other.py"], "here") == ["other.py", "pkg/a.py", "pkg/sub/c.py"]
    assert chosen_files(folder, ["docs/*"], "here") == ["docs/d.py"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"def broken(:\n", r"a.py is left alone: it has a syntax error at line 1 \(.*\)\."),
        (b"# coding: latin-1\nx = '\xe9'\n", r"a.py is left alone: it is written in iso-8859-1, .* UTF-8 files only\."),
        (b"\xef\xbb\xbfx = 1\n", r"a.py is left alone: it is written in utf-8-sig, .*\."),
        (b"x = '\xff'\n", r"a.py is left alone: .*\."),
        (b"x = 1\x00\n", r"a.py is left alone: .*\."),
        (b"x = 1 " + b" " * 1_000_001, r"a.py is left alone: it is larger than 1 MB\."),
        (b"x = " + b"(" * 5000 + b")" * 5000 + b"\n", r"a.py is left alone: .*\."),
    ],
)
def test_files_that_cannot_be_changed_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    folder = project(tmp_path, {"a.py": content, "b.py": "x = '\u00e9'\n"}).project
    usable, skipped = sort_out_unreadable(folder, ["a.py", "b.py"])
    assert usable == ("b.py",)
    assert len(skipped) == 1
    assert re.fullmatch(reason, skipped[0]), skipped[0]
