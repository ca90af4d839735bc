"""Carrying a change that was found in the baseline's text over to text that other edits have already touched.

A change is known by the baseline's offsets. Where the text is no longer the baseline's, its whole lines are
looked for in the same function by a line diff: they must have stayed as they were, or the change is refused.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from dean_airflow.errors import EditError

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# Python's lines end at these only, str.splitlines() also at form feeds and the like. The last may be empty.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]*\Z")


@dataclass(frozen=True, order=True)
class Change:
    """Characters `start`..`end` (offsets into the baseline's text, end exclusive) become `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Function:
    """One definition: its qualified name, its syntax tree and the rows it covers with its decorators, counted
    from 0, end exclusive."""

    name: str
    node: FunctionNode
    first_row: int
    end_row: int


class Layout:
    """Where a file's lines, functions and syntax nodes are. Raises EditError if the text does not parse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _LINE.findall(text)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            raise EditError(f"The source does not parse: {error}.") from None
        self.functions = tuple(_functions(self.tree, ""))

    def offset(self, row: int, utf8_column: int) -> int:
        """The character offset of a position given as `ast` gives it, the row counted from 1."""
        line = self.lines[row - 1]
        if line.isascii():
            return self.starts[row - 1] + utf8_column
        return self.starts[row - 1] + len(line.encode()[:utf8_column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The character offsets a node covers, end exclusive."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def row_of(self, offset: int) -> int:
        """The row, counted from 0, that an offset is in."""
        low, high = 0, len(self.lines) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.starts[middle] <= offset:
                low = middle
            else:
                high = middle - 1
        return low

    def named(self, function: str) -> list[Function]:
        """The definitions of that name in source order: a property's getter and setter share one."""
        return [found for found in self.functions if found.name == function]

    def function_at(self, row: int) -> str:
        """The qualified name of the innermost function that covers the row; empty at module level."""
        inside = [found for found in self.functions if found.first_row <= row < found.end_row]
        return max(inside, key=lambda found: found.first_row).name if inside else ""


@lru_cache(maxsize=64)
def layout(text: str) -> Layout:
    """The layout of a text, remembered: the same baseline files are asked for again and again."""
    return Layout(text)


def make_changes(changes: Iterable[Change], baseline: str, text: str, function: str) -> str:
    """`text` with changes made that are known by the baseline's offsets.

    `function` is the qualified name of the function the changes lie in; a change outside it (an import that a
    rewrite needs) is looked for in the whole file. Raises EditError when two changes overlap or when a line
    that a change touches is gone.
    """
    placed: list[Change] = []
    for change in sorted(changes):
        if placed and (
            change.start < placed[-1].end or (change.start, change.end) == (placed[-1].start, placed[-1].end)
        ):
            raise EditError(f"Two changes of one edit overlap in {function or 'the module'}.")
        placed.append(change)
    if text != baseline:
        rows = _RowMap(layout(baseline), layout(text), function)
        placed = [rows.carry(change) for change in placed]
        placed.sort()
    pieces: list[str] = []
    position = 0
    for change in placed:
        pieces += (text[position : change.start], change.new)
        position = change.end
    return "".join((*pieces, text[position:]))


class _RowMap:
    """Which row of the current text each unchanged row of the baseline has become."""

    def __init__(self, before: Layout, now: Layout, function: str) -> None:
        self._before, self._now, self._function = before, now, function
        self._rows: dict[int, int] = {}
        self._whole_file = False
        old, new = before.named(function), now.named(function)
        if function and len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                self._match(one.first_row, one.end_row, other.first_row, other.end_row)

    def carry(self, change: Change) -> Change:
        first, last = self._before.row_of(change.start), self._before.row_of(change.end)
        if last > first and self._before.starts[last] == change.end:
            last -= 1
        if first not in self._rows and not self._whole_file and not self._inside_function(first):
            self._whole_file = True
            self._match(0, len(self._before.lines), 0, len(self._now.lines))
        rows = [self._rows.get(row, -1) for row in range(first, last + 1)]
        if rows[0] < 0 or rows != list(range(rows[0], rows[0] + len(rows))):
            raise EditError(f"The lines this edit changes in {self._function or 'the module'} are no longer there.")
        shift = self._now.starts[rows[0]] - self._before.starts[first]
        return Change(change.start + shift, change.end + shift, change.new)

    def _inside_function(self, row: int) -> bool:
        return any(one.first_row <= row < one.end_row for one in self._before.named(self._function))

    def _match(self, old_start: int, old_end: int, new_start: int, new_end: int) -> None:
        old, new = self._before.lines, self._now.lines
        while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
            self._rows.setdefault(old_start, new_start)
            old_start += 1
            new_start += 1
        while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
            old_end -= 1
            new_end -= 1
            self._rows.setdefault(old_end, new_end)
        matcher = difflib.SequenceMatcher(None, old[old_start:old_end], new[new_start:new_end], autojunk=False)
        for block in matcher.get_matching_blocks():
            for step in range(block.size):
                self._rows.setdefault(old_start + block.a + step, new_start + block.b + step)


def _functions(node: ast.AST, prefix: str) -> Iterable[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min((child.lineno, *(decorator.lineno for decorator in child.decorator_list)))
            yield Function(prefix + child.name, child, first - 1, child.end_lineno or child.lineno)
            yield from _functions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _functions(child, prefix)
