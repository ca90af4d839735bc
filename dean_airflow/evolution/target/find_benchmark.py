"""What of a target is measured: the benchmark a user names, one it has, or its test suite."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.target.find_tests import is_test_file, test_files
from dean_airflow.evolution.target.target import Workload

_CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FIXTURES = {"benchmark", "benchmark_weave"}
_FOLDERS = ("benchmarks", "benchmark", "bench")
_SCRIPTS = ("benchmark.py", "bench.py", "benchmarks.py")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def parse_benchmark(text: str, project: Path, source_roots: tuple[str, ...], where: str) -> Workload:
    """The workload a user wrote as `module:callable`, `pytest:<arguments>`, `command:<shell words>` or `suite`.

    Raises ConfigurationError naming `where` it was written: not one of these forms, or no such module in the project.
    """
    kind, _, spec = text.strip().partition(":")
    spec = spec.strip()
    if text.strip() == "suite":
        return Workload("suite", "")
    if kind in ("pytest", "command"):
        _check_words(spec, kind, where)
        return Workload("pytest" if kind == "pytest" else "command", spec)
    if not _CALLABLE.fullmatch(text.strip()):
        raise ConfigurationError(
            f"benchmark in {where}: {text!r} is not 'module:callable', 'pytest:<arguments>', 'command:<shell words>' "
            "or 'suite'."
        )
    file = _module_file(project, source_roots, kind)
    if file is None:
        raise ConfigurationError(f"benchmark in {where}: the project has no module {kind!r} to import {spec!r} from.")
    names = {name for statement in _parse(file) for name in _bound(statement)}
    if names and spec.split(".")[0] not in names and "*" not in names:
        raise ConfigurationError(f"benchmark in {where}: {file.relative_to(project)} defines no {spec!r}.")
    return Workload("callable", text.strip())


def detect_benchmark(project: Path, tests: tuple[str, ...] | None) -> Workload | None:
    """pytest-benchmark tests, else a function `f(seed)` of a benchmark script, else the suite; None without tests."""
    selected = _benchmark_tests(project, tests or ())
    if selected:
        return Workload("pytest", shlex.join(selected))
    for file in _scripts(project):
        function = _seeded_function(file)
        if function:
            module = ".".join(file.relative_to(project).with_suffix("").parts)
            return Workload("callable", f"{module}:{function}")
    return None if tests is None else Workload("suite", "")


def _benchmark_tests(project: Path, tests: tuple[str, ...]) -> list[str]:
    """Ids of the tests that take pytest-benchmark's fixture; a fixture of that name made by the target is not it."""
    folders = tuple(name for name in _FOLDERS if (project / name).is_dir())
    files = [file for file in test_files(project, (*tests, *folders)) if is_test_file(file.name)]
    own = [*project.glob("conftest.py"), *(file for file in test_files(project, tests) if file.name == "conftest.py")]
    if any(_defines_fixture(file) for file in own):
        return []
    selected = []
    for file in dict.fromkeys(files):
        name = file.relative_to(project).as_posix()
        selected += [f"{name}::{test}" for test, function in _tests_in(file) if _arguments(function) & _FIXTURES]
    return selected


def _tests_in(file: Path) -> Iterator[tuple[str, FunctionNode]]:
    for statement in _parse(file):
        if isinstance(statement, FunctionNode) and statement.name.startswith("test"):
            yield statement.name, statement
        elif isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            for inner in statement.body:
                if isinstance(inner, FunctionNode) and inner.name.startswith("test"):
                    yield f"{statement.name}::{inner.name}", inner


def _arguments(function: FunctionNode) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def _defines_fixture(file: Path) -> bool:
    return any(isinstance(statement, FunctionNode) and statement.name in _FIXTURES for statement in _parse(file))


def _scripts(project: Path) -> list[Path]:
    at_top = [project / name for name in _SCRIPTS if (project / name).is_file()]
    inside = [file for name in _FOLDERS for file in sorted((project / name).glob("*.py"))]
    return [file for file in (*at_top, *inside) if not file.is_symlink() and file.stem.isidentifier()]


def _seeded_function(file: Path) -> str:
    """A public function whose one argument is `seed`: preferably `run` or `benchmark`."""
    found = [
        statement.name
        for statement in _parse(file)
        if isinstance(statement, ast.FunctionDef)
        and not statement.name.startswith("_")
        and [argument.arg for argument in statement.args.args] == ["seed"]
        and not statement.args.kwonlyargs
    ]
    return next((name for name in ("run", "benchmark", "main") if name in found), found[0] if found else "")


def _module_file(project: Path, source_roots: tuple[str, ...], module: str) -> Path | None:
    for root in source_roots:
        base = project / root / Path(*module.split("."))
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file
    return None


def _parse(file: Path) -> list[ast.stmt]:
    try:
        return ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names a top-level statement binds, however deep in conditions."""
    for node in ast.walk(statement):
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _check_words(spec: str, kind: str, where: str) -> None:
    try:
        words = shlex.split(spec)
    except ValueError as error:
        raise ConfigurationError(f"benchmark in {where}: {spec!r} is not shell-quoted ({error}).") from None
    if not words:
        raise ConfigurationError(f"benchmark in {where}: nothing follows {kind!r}.")
