"""What behavioural edits change in a file of the baseline: which functions, and which of their lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.judge.affected import changed_lines

_BOM = "\ufeff"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class ChangedFunction:
    """An outermost function: one that can be called from outside. What it defines inside belongs to it."""

    path: str
    line: int
    """Its first line in the baseline, from 1, decorators included."""
    name: str
    """Qualified name."""
    last: int
    """Its last line."""


@dataclass(frozen=True)
class Changes:
    """Functions whose syntax trees differ, and lines of theirs; comments and layout do not count."""

    functions: tuple[ChangedFunction, ...]
    lines: tuple[tuple[str, int], ...]
    """(path, line of the baseline): replaced or removed, or beside an insertion."""
    elsewhere: str = ""
    """A change outside functions that more than adds names, where there is one; empty if not."""


def find_changes(tree: SourceTree, files: Mapping[str, str]) -> Changes:
    """What turns the baseline into `files`. Both must parse."""
    functions: list[ChangedFunction] = []
    lines: list[tuple[str, int]] = []
    for path in sorted(files):
        old, new = _parse(tree[path]), _parse(files[path])
        if not _only_adds_names(old, new):
            return Changes((), (), f"it changes code of {path} outside functions")
        before, after = _by_name(old), _by_name(new)
        touched = changed_lines(tree[path], files[path])
        for name, definitions in before.items():
            counterparts = after.get(name, [])
            if len(counterparts) != len(definitions):
                return Changes((), (), f"it changes how often {name} of {path} is defined")
            for one, other in zip(definitions, counterparts, strict=True):
                if ast.dump(one) != ast.dump(other):
                    function = ChangedFunction(path, _first_line(one), name, one.end_lineno or one.lineno)
                    functions.append(function)
                    lines += [(path, number) for number in sorted(touched) if _within(number, function)]
    return Changes(tuple(functions), tuple(lines))


def form_of(name: str, text: str) -> str:
    """What the functions of a qualified name say in a file: equal for texts that differ in comments and layout only."""
    return "\n".join(ast.dump(node) for node in _by_name(_parse(text)).get(name, []))


def _within(line: int, function: ChangedFunction) -> bool:
    return function.line <= line <= function.last


def _parse(text: str) -> ast.Module:
    return ast.parse(text.removeprefix(_BOM))


def _first_line(node: _Function) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _by_name(tree: ast.Module) -> dict[str, list[_Function]]:
    found: dict[str, list[_Function]] = {}
    for name, node in _outermost(tree, ""):
        found.setdefault(name, []).append(node)
    return found


def _outermost(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Function]]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, _Function):
            yield prefix + inner.name, inner
        elif isinstance(inner, ast.ClassDef):
            yield from _outermost(inner, f"{prefix}{inner.name}.")
        else:
            yield from _outermost(inner, prefix)


def _only_adds_names(old: ast.Module, new: ast.Module) -> bool:
    """Whether the module's own statements, function bodies aside, are all still there in their order, and those
    added bind nothing but names the module did not have."""
    kept = [_without_functions(one) for one in old.body]
    known = {name for one in old.body for name in _bound(one)}
    position = 0
    for statement in new.body:
        if position < len(kept) and _without_functions(statement) == kept[position]:
            position += 1
        elif not _bound(statement) or known & _bound(statement):
            return False
    return position == len(kept)


def _without_functions(statement: ast.stmt) -> str:
    """The statement's dump with every function reduced to its name."""
    if isinstance(statement, _Function):
        return f"def {statement.name}"
    copied: ast.stmt = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copied):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [ast.Name(f"def {one.name}") if isinstance(one, _Function) else one for one in value]
    return ast.dump(copied)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a simple statement of a module binds; empty for any other statement."""
    if isinstance(statement, _Function | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        return names if len(names) == len(targets) else set()
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    return set()
