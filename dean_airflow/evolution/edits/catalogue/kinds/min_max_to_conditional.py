"""`min(a, b)` and `max(a, b)` as conditional expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_MOST_ARGUMENTS = 4


class MinMaxToConditional(Kind):
    """A call of `min` or `max` with two to four arguments becomes comparisons: no call, no argument tuple.

    Safe when the name is the built-in, arguments are positional and none is starred. Arguments that are not constants
    or variables are computed first, in their order, into fresh variables: above the statement, so the call must be
    what the statement evaluates first. The comparisons are those the built-in makes, in its order (`b < a`, then
    `c < smaller`), so ties, NaN and user-defined types come out the same.

        size = min(limit, count)      →    size = count if count < limit else limit
        d = max(f(x), g(x), 0)        →    _first = f(x)
                                           _second = g(x)
                                           _best = _second if _second > _first else _first
                                           d = 0 if 0 > _best else _best
    """

    name = "min_max_to_conditional"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not function.is_builtin_call(node, "min", "max") or node.keywords:
                continue
            if not 2 <= len(node.args) <= _MOST_ARGUMENTS:
                continue
            if any(isinstance(argument, ast.Starred) for argument in node.args):
                continue
            above = is_evaluated_first(function, node)
            in_place = len(node.args) == 2 and all(function.is_fixed(argument) for argument in node.args)
            if in_place or above:
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _rewrite(rewriter: Rewriter, node: ast.Call) -> None:
    function = rewriter.function
    assert isinstance(node.func, ast.Name)
    sign = "<" if node.func.id == "min" else ">"
    lines: list[str] = []
    names = []
    for argument in node.args:
        if function.is_fixed(argument):
            names.append(rewriter.code(argument))
        else:
            names.append(rewriter.fresh("candidate"))
            lines.append(f"{names[-1]} = {rewriter.value(argument)}")
    best = names[0]
    for name in names[1:-1]:
        chosen = rewriter.fresh("best")
        lines.append(f"{chosen} = {name} if {name} {sign} {best} else {best}")
        best = chosen
    last = names[-1]
    choice = f"{last} if {last} {sign} {best} else {best}"
    if lines:
        rewriter.insert_before(function.statement_of(node), lines)
    bare = isinstance(function.parent(node), ast.Assign | ast.AnnAssign | ast.Return)
    rewriter.replace(node, choice if bare else f"({choice})")


KIND = MinMaxToConditional()
