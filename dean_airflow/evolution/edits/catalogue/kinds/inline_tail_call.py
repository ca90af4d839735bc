"""A call whose result is returned, written out as the callee's statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.inlining import TailInliner
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class InlineTailCall(Kind):
    """`return helper(a, b)` becomes the statements of `helper`, whose returns are then the function's own:
    one call less, and what constant arguments decide is left out.

    Safe when `helper` surely is one undecorated function of the project, small, with no scope of its own
    inside but comprehensions, no `yield`, `global`, named handler or stars; its global names are built-ins
    or those of the same file. Its local variables get fresh names. Arguments are put in where they are
    constants or variables that the helper does not bind anew; others are computed first, in the call's
    order. Tracebacks lose one frame.

        def get(self, key):                     def get(self, key):
            return lookup(self.table, key)    →     _table = self.table
                                                    if key in _table:
                                                        return _table[key]
                                                    return None
    """

    name = "inline_tail_call"

    def find(self, function: Function) -> Iterator[Match]:
        if function.is_generator or isinstance(function.node, ast.AsyncFunctionDef):
            return
        for node in function.nodes:
            if not isinstance(node, ast.Return) or not isinstance(node.value, ast.Call):
                continue
            inliner = _inliner(function, node.value)
            if function.owns_lines(node) and inliner.possible():
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _inliner(function: Function, call: ast.Call) -> TailInliner:
    # In tail position none of the caller's own statements can follow, so its variables stay what they are.
    return TailInliner(
        function, call, lambda name: function.scope.is_local(name) and name not in function.unit.nonlocal_names
    )


def _rewrite(rewriter: Rewriter, node: ast.Return) -> None:
    assert isinstance(node.value, ast.Call)
    rewriter.replace_statement(node, _inliner(rewriter.function, node.value).lines(rewriter.fresh))


KIND = InlineTailCall()
