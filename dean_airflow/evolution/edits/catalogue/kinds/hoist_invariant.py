"""Whole-number arithmetic that stays the same in a loop, computed once before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.integers import is_integer
from dean_airflow.evolution.edits.analysis.loops import Loop, changes, is_repeated
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class HoistInvariant(Kind):
    """A sum, difference or product of whole numbers that no turn of a loop changes is computed before the loop.

    Safe where every operand is surely an exact `int` that is bound when the loop starts: a literal, the variable of a
    `for` over `range` or `enumerate` around the loop, or a variable bound once, above, to `len(...)` or such a sum;
    and the loop binds none of them. Integer arithmetic cannot fail and has no effect, so that it may also be done
    where the loop has no turns.

        for i in range(1, n):                 for i in range(1, n):
            for j in range(m):           →        _i = i - 1
                row[j] = last[i - 1]              for j in range(m):
                                                      row[j] = last[_i]
    """

    name = "hoist_invariant"

    def find(self, function: Function) -> Iterator[Match]:
        taken: set[int] = set()
        seen: set[tuple[str, int]] = set()
        for node in function.nodes:
            if not isinstance(node, ast.BinOp) or id(node) in taken or function.in_nested_scope(node):
                continue
            loop = _loop(function, node)
            if loop is None:
                continue
            taken |= {id(part) for part in ast.walk(node)}
            text = ast.unparse(node)
            if (text, id(loop)) not in seen:
                seen.add((text, id(loop)))
                yield Match(
                    node,
                    lambda rewriter, loop=loop, text=text: _rewrite(rewriter, loop, text),  # type: ignore[misc]
                    detail=text,
                )


def _loop(function: Function, node: ast.BinOp) -> Loop | None:
    """The outermost loop that repeats the expression without changing it."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    if not names:
        return None
    found: Loop | None = None
    for ancestor in function.ancestors(node):
        if not isinstance(ancestor, ast.For | ast.While):
            continue
        if names & changes(ancestor) or not is_repeated(function, ancestor, node):
            break
        if function.starts_line(ancestor) and is_integer(function, node, ancestor):
            found = ancestor
    return found


def _rewrite(rewriter: Rewriter, loop: Loop, text: str) -> None:
    expression = ast.parse(text, mode="eval").body
    first = next(part.id for part in ast.walk(expression) if isinstance(part, ast.Name))
    name = rewriter.fresh(first)
    rewriter.insert_before(loop, [f"{name} = {text}"])
    function = rewriter.function
    for node in function.nodes:
        if (
            isinstance(node, ast.BinOp)
            and is_repeated(function, loop, node)
            and not function.in_nested_scope(node)
            and ast.unparse(node) == text
        ):
            rewriter.replace(node, name)


KIND = HoistInvariant()
