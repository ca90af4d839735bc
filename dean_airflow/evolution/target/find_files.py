"""Which files of a target may change, and which folders go on its import path."""

from __future__ import annotations

import ast
import configparser
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.target.find_tests import TEST_FOLDERS, is_test_file
from dean_airflow.evolution.target.settings_file import read_pyproject

MAX_FILE_BYTES = 1_000_000
"""Larger files are tables that a program wrote; parsing one takes longer than judging a candidate."""

_NOT_CODE = frozenset(
    {"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "versioneer.py", "_version.py"}
)
_NOT_OWN = frozenset(
    {
        *TEST_FOLDERS,
        *("docs", "doc", "examples", "example", "samples", "demo", "demos", "scripts", "tools", "ci", "build", "dist"),
        *("benchmark", "benchmarks", "bench", "perf", "asv_bench", "fuzz", "fuzzing", "migrations"),
        *("vendor", "vendored", "_vendor", "_vendored", "third_party", "thirdparty", "extern", "_extern", "external"),
        *("node_modules", "venv", "env", "site-packages", "__pycache__"),
    }
)
_BENCHMARK_FILE = re.compile(r"(bench|benchmark|perf)s?(_.*)?\.py|.*_(bench|benchmark)s?\.py")
_SOURCE_FOLDERS = ("src", "lib", "python")


def detect_source_roots(project: Path) -> tuple[str, ...]:
    """Folders that go on the import path, the sources first; the project's top is always one of them."""
    roots = [root for root in _declared_roots(project) if root and (project / root).is_dir()]
    for name in _SOURCE_FOLDERS:
        folder = project / name
        if folder.is_dir() and not (folder / "__init__.py").exists() and any(_importable(folder)):
            roots.append(name)
    return tuple(dict.fromkeys([*roots, ""]))


def detect_files(project: Path, source_roots: tuple[str, ...]) -> list[str]:
    """Python files of the project's own packages and modules: no tests, benchmarks, docs, examples or vendored code."""
    for root in source_roots:
        own = [
            path
            for item in _importable(project / root)
            if not (
                root == "" and item.is_dir() and not (item / "__init__.py").exists() and _is_root(item, source_roots)
            )
            for path in (item.rglob("*.py") if item.is_dir() else [item])
        ]
        found = sorted(relative for relative in _relative(project, own) if _is_own(relative, root))
        if found:
            return found
    return []


def chosen_files(project: Path, globs: Iterable[str], where: str) -> list[str]:
    """The Python files that a user's globs match, tests and benchmarks excluded.

    Raises ConfigurationError, naming `where` the globs were given: one leaves the project or matches no Python file.
    """
    found: set[str] = set()
    for pattern in globs:
        parts = PurePosixPath(pattern)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise ConfigurationError(
                f"files in {where}: {pattern!r} must be relative to the project and stay inside it."
            )
        matches = [path for path in project.glob(pattern) if path.suffix == ".py"]
        matches += [path for folder in project.glob(pattern) if folder.is_dir() for path in folder.rglob("*.py")]
        names = [name for name in _relative(project, matches) if not _is_test_or_benchmark(PurePosixPath(name))]
        if not names:
            raise ConfigurationError(
                f"files in {where}: {pattern!r} matches no Python file that may change (tests and benchmarks may not)."
            )
        found.update(names)
    return sorted(found)


def sort_out_unreadable(project: Path, files: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files that can be changed, a sentence for each that cannot: syntax error, encoding, size)."""
    usable, skipped = [], []
    for name in files:
        reason = _unreadable(project / name)
        if reason:
            skipped.append(f"{name} is left alone: {reason}.")
        else:
            usable.append(name)
    return tuple(usable), tuple(skipped)


def _unreadable(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        return f"it is larger than {MAX_FILE_BYTES // 1_000_000} MB"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if encoding != "utf-8":
            return f"it is written in {encoding}, and DEAN changes UTF-8 files only"
        data.decode("utf-8")
        ast.parse(data)
    except SyntaxError as error:
        at = f" at line {error.lineno}" if error.lineno else ""
        return f"it has a syntax error{at} ({error.msg})"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it cannot be parsed ({error})"
    return ""


def _importable(folder: Path) -> Iterator[Path]:
    """Packages (also without `__init__.py`) and modules right under a folder."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir() and path.name.isidentifier():
            if (path / "__init__.py").exists() or any(path.glob("*.py")) or any(path.glob("*/__init__.py")):
                yield path
        elif path.suffix == ".py" and path.stem.isidentifier():
            yield path


def _is_root(folder: Path, source_roots: tuple[str, ...]) -> bool:
    return folder.name in {PurePosixPath(root).parts[0] for root in source_roots if root}


def _relative(project: Path, paths: Iterable[Path]) -> Iterator[str]:
    """Regular files inside the project, no symbolic link on the way."""
    top = project.resolve()
    for path in paths:
        relative = path.relative_to(project)
        if path.is_file() and not path.is_symlink() and path.resolve() == top / relative:
            yield relative.as_posix()


def _is_own(name: str, root: str) -> bool:
    path = PurePosixPath(name)
    inner = path.relative_to(root) if root else path
    if any(part in _NOT_OWN or part.startswith(".") or part.endswith(".egg-info") for part in inner.parts[:-1]):
        return False
    return path.name not in _NOT_CODE and not _is_test_or_benchmark(inner)


def _is_test_or_benchmark(path: PurePosixPath) -> bool:
    folders = {*TEST_FOLDERS, "benchmark", "benchmarks"}
    if path.name == "conftest.py" or any(part in folders for part in path.parts[:-1]):
        return True
    at_top = len(path.parts) == 1
    return is_test_file(path.name) or (at_top and _BENCHMARK_FILE.fullmatch(path.name) is not None)


def _declared_roots(project: Path) -> list[str]:
    """Folders that setuptools, hatch or poetry are told to take packages from."""
    tool = read_pyproject(project).get("tool", {})
    tool = tool if isinstance(tool, dict) else {}
    setuptools = tool.get("setuptools", {})
    declared: list[object] = [setuptools.get("package-dir", {}).get("")]
    find = setuptools.get("packages", {})
    declared += find.get("find", {}).get("where", []) if isinstance(find, dict) else []
    declared += [item.get("from") for item in tool.get("poetry", {}).get("packages", []) if isinstance(item, dict)]
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(project / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        parser.clear()
    for line in parser.get("options", "package_dir", fallback="").splitlines():
        package, _, folder = line.partition("=")
        declared += [folder.strip()] if not package.strip() else []
    declared.append(parser.get("options.packages.find", "where", fallback=None))
    names = [PurePosixPath(item) for item in declared if isinstance(item, str)]
    return [str(name) for name in names if not name.is_absolute() and ".." not in name.parts and str(name) != "."]
