"""Where a target's tests are, from pytest's own settings or by the usual names."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

from dean_airflow.evolution.target.settings_file import read_pyproject

TEST_FOLDERS = ("tests", "test", "testing")
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")


def detect_tests(project: Path) -> tuple[str, ...] | None:
    """pytest arguments that select the tests: `testpaths`, else a tests folder, else test files; None without any."""
    patterns = [pattern for pattern in _testpaths(project) if not pattern.startswith("/") and ".." not in pattern]
    paths = [path for pattern in patterns for path in sorted(project.glob(pattern.rstrip("/") or "."))]
    configured = [path.relative_to(project).as_posix() for path in paths]
    found = [path for path in configured if _holds_tests(project / path)]
    if found:
        return tuple(found)
    for name in TEST_FOLDERS:
        if _holds_tests(project / name):
            return (name,)
    inner = {
        path.parent.relative_to(project).as_posix()
        for path in project.rglob("test_*.py")
        if path.parent.name in TEST_FOLDERS and not _hidden(path.relative_to(project))
    }
    if inner:
        return tuple(sorted(inner))
    at_top = sorted(path.name for path in project.glob("*.py") if is_test_file(path.name))
    return tuple(at_top) or None


def is_test_file(name: str) -> bool:
    """Whether pytest would collect a file of this name by default."""
    return _TEST_FILE.fullmatch(name) is not None


def test_files(project: Path, arguments: tuple[str, ...]) -> list[Path]:
    """The Python files those pytest arguments name or whose folders they name, sorted."""
    files: set[Path] = set()
    for argument in arguments:
        path = project / argument.partition("::")[0]
        if argument.startswith("-") or not path.exists():
            continue
        files.update(path.rglob("*.py") if path.is_dir() else [path])
    return sorted(files)


def _holds_tests(path: Path) -> bool:
    if path.is_dir():
        return any(is_test_file(file.name) for file in path.rglob("*.py"))
    return path.is_file() and path.suffix == ".py"


def _testpaths(project: Path) -> list[str]:
    """pytest reads the first of these files that configures it."""
    pyproject = read_pyproject(project)
    options: Any = pyproject.get("tool", {}).get("pytest", {})
    options = options.get("ini_options", options) if isinstance(options, dict) else {}
    for name, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest")):
        if (project / name).is_file():
            return _from_ini(project / name, section)
    if options:
        paths = options.get("testpaths", [])
        return shlex.split(paths) if isinstance(paths, str) else [path for path in paths if isinstance(path, str)]
    return _from_ini(project / "tox.ini", "pytest") or _from_ini(project / "setup.cfg", "tool:pytest")


def _from_ini(path: Path, section: str) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return []
    return shlex.split(parser.get(section, "testpaths", fallback=""))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in ("node_modules", "build", "venv") for part in path.parts)
