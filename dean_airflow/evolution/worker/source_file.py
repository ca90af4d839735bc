"""A file of the target as it was imported, cut into units, and which units another text of it changes."""

from __future__ import annotations
import __future__ as future_features

import ast
import types
from collections.abc import Iterator
from dataclasses import dataclass


class CannotSwap(Exception):
    """This candidate needs a process that imports it afresh; the text says why."""


@dataclass(frozen=True)
class Unit:
    """A piece of a file that is exchanged as a whole: a top-level statement, or a statement of a class body."""

    node: ast.stmt
    first: int
    """Index of its first line (decorators and the comments before it included)."""
    after: int
    """Index just after its last line."""
    classes: tuple[str, ...]
    """Names of the classes around it, outermost first."""
    opens: str = ""
    """For the head of a class (decorators, `class` line): the class's name."""


@dataclass(frozen=True)
class SourceFile:
    """One file of the target as it was imported."""

    path: str
    module: types.ModuleType
    lines: list[str]
    units: list[Unit]
    future_flags: int


def split_lines(text: str) -> list[str]:
    """Lines as Python's parser counts them: form feeds and the like do not end one, as `splitlines` would have it."""
    parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def read_source(path: str, module: types.ModuleType, full: str) -> SourceFile:
    """The file at `full`, parsed into units."""
    import tokenize

    with tokenize.open(full) as file:
        text = file.read()
    lines = split_lines(text)
    tree = ast.parse(text)
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= int(getattr(future_features, alias.name).compiler_flag)
    return SourceFile(path, module, lines, list(_units(tree.body, 0, len(lines), ())), flags)


def _units(body: list[ast.stmt], start: int, end: int, classes: tuple[str, ...]) -> Iterator[Unit]:
    """Partitions lines start..end among the statements: each unit begins where the one before ends."""
    position = start
    for index, node in enumerate(body):
        after = node.end_lineno or node.lineno
        following = body[index + 1] if index + 1 < len(body) else None
        if following is not None and _first_line(following) < after:
            after = _first_line(following)
        if isinstance(node, ast.ClassDef) and node.body[0].lineno > node.lineno:
            header_end = max(position, _first_line(node.body[0]))
            yield Unit(ast.Pass(), position, header_end, classes, node.name)
            yield from _units(node.body, header_end, after, (*classes, node.name))
        else:
            yield Unit(node, position, after, classes)
        position = after
    if position < end:
        yield Unit(ast.Pass(), position, end, classes)


def _first_line(node: ast.stmt) -> int:
    """Index of a statement's first line, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def changed_groups(source: SourceFile, new: list[str]) -> Iterator[tuple[list[Unit], list[str], int]]:
    """Runs of neighbouring units whose lines differ, each with the new lines in its place and the index of the first.

    A run ends where the next unchanged unit stands in the new text, and where a class ends.
    """
    old, units = source.lines, source.units
    position = index = 0
    while index < len(units):
        unit = units[index]
        size = unit.after - unit.first
        if new[position : position + size] == old[unit.first : unit.after]:
            position += size
            index += 1
            continue
        run = [unit]
        end = _start_of(source, index + 1, new, position)
        while end is None:
            if run[-1].opens:
                end = _end_of_head(source, run[-1], new, position)
            elif units[index + 1].classes != unit.classes:
                end = _end_of_class(source, units[index + 1], new, position)
            else:
                index += 1
                run.append(units[index])
                end = _start_of(source, index + 1, new, position)
        yield run, new[position:end], position
        position = end
        index += 1
    if position != len(new):
        raise CannotSwap(f"{source.path}: lines added at the end")


def _start_of(source: SourceFile, index: int, new: list[str], position: int) -> int | None:
    """Where in `new` the unit at `index` begins, if it is unchanged; the end of the text after the last unit."""
    if index == len(source.units):
        return len(new)
    following = source.units[index]
    wanted = source.lines[following.first : following.after]
    if not any(line.strip() for line in wanted):
        return None
    size = len(wanted)
    for start in range(position, len(new) - size + 1):
        if new[start] == wanted[0] and new[start : start + size] == wanted:
            return start
    return None


def head_of_class(source: SourceFile, unit: Unit) -> list[str]:
    """The lines of a class's head, without the blank lines and comments before it."""
    lines = source.lines[unit.first : unit.after]
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
        lines = lines[1:]
    return lines


def _end_of_head(source: SourceFile, unit: Unit, new: list[str], position: int) -> int:
    """Just after a class's head, which must be the same in the new text."""
    head = head_of_class(source, unit)
    for start in range(position, len(new) - len(head) + 1):
        if new[start : start + len(head)] == head:
            return start + len(head)
    raise CannotSwap(f"{source.path}:{unit.first + 1}: the head of class {unit.opens} changed")


def _end_of_class(source: SourceFile, following: Unit, new: list[str], position: int) -> int:
    """Where the module level begins again after a class whose last statements changed."""
    if following.classes:
        raise CannotSwap(f"{source.path}:{following.first + 1}: neighbouring classes changed")
    for number in range(position, len(new)):
        if new[number].strip() and new[number][0] not in " \t#)]}":
            return number
    raise CannotSwap(f"{source.path}:{following.first + 1}: the end of a class cannot be found")
