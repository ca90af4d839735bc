"""The places of one function that a generic edit can be made at, numbered in the order of the baseline's
source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from dean_airflow.evolution.edits.anchoring import Layout, layout

_OPERATOR = re.compile(r"[\s)]*(==|!=|<=|>=|<|>|is\s+not\b|is\b|not\s+in\b|in\b)[\s(]*")

# Nodes whose inside belongs to another function, runs at another time, or has no exact position in the source
# (before Python 3.12 the parts of an f-string do not).
_CLOSED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.JoinedStr)
_FIXED = (*_CLOSED, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Statement:
    """A statement: its node, the offsets of its text, and the statements it stands among."""

    node: ast.stmt
    start: int
    end: int
    siblings: int
    own_lines: bool
    """Nothing but space and a comment shares its rows, so it can be moved, or replaced by a longer one."""
    indent: str
    multiline_string: bool
    """It holds a string of several rows, which indenting it anew would change."""


@dataclass(frozen=True)
class Condition:
    """The test of an `if`, `while`, conditional expression or comprehension filter."""

    start: int
    end: int
    endless: bool
    """True would never end: the test of a `while` without `break` or `return`."""


@dataclass(frozen=True)
class Number:
    """A literal integer or float."""

    start: int
    end: int
    value: int | float


@dataclass(frozen=True)
class Operator:
    """A comparison operator and the offsets of its text."""

    start: int
    end: int
    text: str


@dataclass
class Places:
    """All of them, for every definition that has the function's qualified name."""

    statements: list[Statement] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)


@lru_cache(maxsize=512)
def places(text: str, function: str) -> Places:
    """The places of that function in this text; none where the text has no such function. Raises EditError
    if the text does not parse."""
    where = layout(text)
    found = Places()
    for one in where.named(function):
        body = one.node.body[1:] if ast.get_docstring(one.node, clean=False) is not None else one.node.body
        for statement in body:
            _collect(statement, where, found)
        found.statements += _statements(body, where)
    return found


def _statements(body: list[ast.stmt], where: Layout) -> Iterator[Statement]:
    for node in body:
        start, end = where.span(node)
        if not isinstance(node, _FIXED) and not where.text.startswith("elif", start):
            yield _statement(node, start, end, len(body), where)
        if not isinstance(node, _CLOSED):
            for inner in _bodies(node):
                yield from _statements(inner, where)


def _statement(node: ast.stmt, start: int, end: int, siblings: int, where: Layout) -> Statement:
    row = where.row_of(start)
    before = where.text[where.starts[row] : start]
    after = where.text[end : where.starts[where.row_of(end) + 1]].strip()
    return Statement(
        node=node,
        start=start,
        end=end,
        siblings=siblings,
        own_lines=not before.strip() and (not after or after.startswith("#")),
        indent=before if not before.strip() else "",
        multiline_string=any(
            isinstance(inner, ast.Constant | ast.JoinedStr) and inner.end_lineno != inner.lineno
            for inner in ast.walk(node)
        ),
    )


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if body:
            yield body
    for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield handler.body


def _collect(node: ast.AST, where: Layout, found: Places) -> None:
    if isinstance(node, _CLOSED):
        return
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        endless = isinstance(node, ast.While) and not _can_leave(node)
        found.conditions.append(Condition(*where.span(node.test), endless))
    elif isinstance(node, ast.comprehension):
        found.conditions += [Condition(*where.span(test), False) for test in node.ifs]
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        found.numbers.append(Number(*where.span(node), node.value))  # type: ignore[arg-type]
    elif isinstance(node, ast.Compare):
        found.operators += _operators(node, where)
    for name, value in ast.iter_fields(node):
        # Annotations are not run; a pattern's numbers and an attribute of a number have rules of their own.
        if name in ("annotation", "returns", "pattern") or isinstance(node, ast.Attribute | ast.MatchValue):
            if name == "value" and not isinstance(value, ast.Constant) and isinstance(node, ast.Attribute):
                _collect(value, where, found)
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                _collect(child, where, found)


def _operators(node: ast.Compare, where: Layout) -> Iterator[Operator]:
    left: ast.expr = node.left
    for right in node.comparators:
        gap = where.span(left)[1]
        match = _OPERATOR.fullmatch(where.text, gap, where.span(right)[0])
        if match is not None:
            yield Operator(match.start(1), match.end(1), " ".join(match[1].split()))
        left = right


def _can_leave(loop: ast.While) -> bool:
    return any(isinstance(node, ast.Break | ast.Return | ast.Raise | ast.Yield) for node in ast.walk(loop))
