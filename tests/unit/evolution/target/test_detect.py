"""Params before the target's own file before detection, and every wrong setting named with its place."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.errors import BaselineError, ConfigurationError, TargetError
from dean_airflow.evolution.target.detect import apply_settings, detect
from dean_airflow.evolution.target.target import TargetSettings, Workload
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.target.files import project

FILES = {
    "pkg/__init__.py": "",
    "pkg/core.py": "def f():\n    return 1\n",
    "pkg/other.py": "x = 1\n",
    "tests/test_core.py": "def test_f():\n    assert True\n",
    "bench.py": "def go():\n    return 1\n",
}


def detected(folder: Path, more: dict[str, Any] | None = None, /, **params: Any) -> TargetSettings:
    checkout = project(folder, {**FILES, **(more or {})})
    return detect(checkout, TrialConfig(repository="/x", **params))


def test_everything_can_be_detected(tmp_path: Path) -> None:
    settings = detected(tmp_path)
    assert settings.install == ()
    assert settings.tests == ("tests",)
    assert settings.workload == Workload("suite", "")
    assert settings.files == ("pkg/__init__.py", "pkg/core.py", "pkg/other.py")
    assert settings.source_roots == ("",)
    assert set(settings.origins.values()) == {"detected"}


OWN = """
install = ["numpy"]
tests = "tests -k 'a or b'"
deselect = ["tests/test_core.py::test_g"]
benchmark = "bench:go"
files = ["pkg/core.py"]
generations = 3
objectives = { runtime = 1 }
"""


@pytest.mark.parametrize("file", ["pyproject.toml", "dean.yaml"])
def test_the_targets_own_file_comes_before_detection(tmp_path: Path, file: str) -> None:
    yaml = (
        "install: [numpy]\ntests: tests -k 'a or b'\ndeselect: ['tests/test_core.py::test_g']\nbenchmark: bench:go\n"
        "files: [pkg/core.py]\ngenerations: 3\nobjectives: {runtime: 1}\n"
    )
    settings = detected(tmp_path, {file: f"[tool.dean]{OWN}" if file == "pyproject.toml" else yaml})
    assert settings.install == ("numpy",)
    assert settings.tests == ("tests", "-k", "a or b")
    assert settings.deselect == ("tests/test_core.py::test_g",)
    assert settings.workload == Workload("callable", "bench:go")
    assert settings.files == ("pkg/core.py",)
    assert settings.generations == 3
    assert settings.objectives == {"runtime": 1.0}
    assert set(settings.origins.values()) == {"pyproject.toml [tool.dean]" if file == "pyproject.toml" else file}


def test_params_come_before_the_targets_own_file(tmp_path: Path) -> None:
    params = {"tests": "tests/test_core.py", "benchmark": "command:python bench.py", "files": ["pkg/other.py"]}
    settings = detected(tmp_path, {"pyproject.toml": f"[tool.dean]{OWN}"}, install=[], generations=7, **params)
    assert settings.tests == ("tests/test_core.py",)
    assert settings.workload == Workload("command", "python bench.py")
    assert settings.files == ("pkg/other.py",)
    assert settings.install == ()
    assert settings.generations == 7
    assert settings.origins["tests"] == settings.origins["install"] == "the trial's params"
    assert settings.origins["deselect"] == "pyproject.toml [tool.dean]"


def test_a_form_that_sends_every_default_asks_for_nothing(tmp_path: Path) -> None:
    defaults = TrialConfig(repository="/x").model_dump()
    checkout = project(tmp_path, {**FILES, "pyproject.toml": f"[tool.dean]{OWN}"})
    assert detect(checkout, TrialConfig(**defaults)).generations == 3


def test_the_config_takes_the_targets_weights_and_generations(tmp_path: Path) -> None:
    own = "[tool.dean]\ngenerations = 3\nobjectives = { runtime = 0.75, memory = 0.25 }\n"
    config = TrialConfig(repository="/x")
    changed = apply_settings(config, detected(tmp_path, {"pyproject.toml": own}))
    assert (changed.generations, changed.objectives) == (3, {"runtime": 0.75, "memory": 0.25})
    assert (config.generations, config.objectives) == (10, {"runtime": 1.0})


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    own = "[tool.dean]\ntset = 'x'\ntests = 3\nfiles = 'pkg'\ngenerations = 0\nobjectives = { runtime = 0.5 }\n"
    with pytest.raises(ConfigurationError) as caught:
        detected(tmp_path, {"pyproject.toml": own})
    message = str(caught.value)
    assert message.startswith("The target's pyproject.toml [tool.dean] is not usable: ")
    for part in ("tset: ", "tests: ", "files: ", "generations: ", "weights must sum to 1, not 0.5"):
        assert part in message


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("pyproject.toml", "[tool.dean\n", r"pyproject.toml cannot be read: .*line 1"),
        ("pyproject.toml", b"\xff\xfe", r"pyproject.toml cannot be read"),
        ("pyproject.toml", "[tool]\ndean = 3\n", r"pyproject.toml \[tool.dean\] must map names to values"),
        ("dean.yaml", "tests: [\n", r"dean.yaml cannot be read at line 2, column 1"),
        ("dean.yaml", "tests:\n\t- x\n", r"dean.yaml cannot be read at line 2, column 1"),
        ("dean.yaml", "- tests\n", r"dean.yaml must map names to values"),
        ("dean.yaml", b"tests: \xff\n", r"dean.yaml is not UTF-8"),
        ("dean.yaml", "tests: 'a b\n", r"dean.yaml cannot be read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, file: str, content: str | bytes, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        detected(tmp_path, {file: content})


def test_two_files_with_settings_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"in pyproject.toml \[tool.dean\] and dean.yaml; keep one"):
        detected(tmp_path, {"pyproject.toml": "[tool.dean]\n", "dean.yaml": "tests: tests\n"})


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert detected(tmp_path, {"dean.yaml": "\ufeff"}).tests == ("tests",)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"benchmark": "bench"}, "benchmark in the trial's params: 'bench' is not 'module:callable'"),
        ({"benchmark": "missing:go"}, "the project has no module 'missing' to import 'go' from"),
        ({"benchmark": "bench:gone"}, "bench.py defines no 'gone'"),
        ({"benchmark": "command:"}, "nothing follows 'command'"),
        ({"benchmark": "pytest:'x"}, "is not shell-quoted"),
        ({"tests": "'x"}, "tests in the trial's params: \"'x\" is not shell-quoted"),
        ({"files": ["gone/*.py"]}, "files in the trial's params: 'gone/*.py' matches no Python file"),
        ({"files": ["tests/*.py"]}, "matches no Python file that may change"),
        ({"files": ["../x.py"]}, "must be relative to the project and stay inside it"),
        ({"files": ["/etc/*.py"]}, "must be relative to the project and stay inside it"),
    ],
)
def test_params_that_do_not_fit_the_target(tmp_path: Path, params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        detected(tmp_path, **params)
    assert sentence in str(caught.value)


def test_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="neither a benchmark nor tests"):
        detect(project(tmp_path, {"pkg/__init__.py": ""}), TrialConfig(repository="/x"))
    with pytest.raises(BaselineError, match="is `suite`, but the target has no tests"):
        detect(project(tmp_path, {"pkg/__init__.py": ""}), TrialConfig(repository="/x", benchmark="suite"))


def test_nothing_to_change(tmp_path: Path) -> None:
    files = {"tests/test_x.py": "def test_x(): pass\n", "mod.py": "def broken(:\n"}
    with pytest.raises(TargetError, match=r"no Python file that may change \(mod.py is left alone: it has a syntax"):
        detect(project(tmp_path, files), TrialConfig(repository="/x"))


def test_settings_go_through_json(tmp_path: Path) -> None:
    settings = detected(tmp_path, {"pyproject.toml": f"[tool.dean]{OWN}"})
    assert TargetSettings.from_json(json.loads(json.dumps(asdict(settings)))) == settings
