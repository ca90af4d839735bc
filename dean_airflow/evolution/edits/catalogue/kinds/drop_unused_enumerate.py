"""`enumerate` whose number nobody uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class DropUnusedEnumerate(Kind):
    """`for number, item in enumerate(items)` becomes `for item in items` where the number is never used: no pair and
    no integer is made for each element.

    Safe when the name is the built-in, given one plain argument, and the number's name appears nowhere else in the
    function.

        for i, row in enumerate(rows):     →     for row in rows:
    """

    name = "drop_unused_enumerate"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.For | ast.comprehension):
                continue
            match node:
                case ast.For(target=ast.Tuple(elts=[ast.Name(id=number), _]), iter=ast.Call() as call):
                    pass
                case ast.comprehension(
                    target=ast.Tuple(elts=[ast.Name(id=number), _]), iter=ast.Call() as call, is_async=0
                ):
                    pass
                case _:
                    continue
            if not function.is_builtin_call(call, "enumerate") or call.keywords or len(call.args) != 1:
                continue
            named = [part for part in ast.walk(function.node) if isinstance(part, ast.Name) and part.id == number]
            bound_elsewhere = number in function.scope.parameters or number in function.scope.declared_global
            shared = number in function.scope.declared_nonlocal or number in function.unit.nonlocal_names
            if len(named) == 1 and not bound_elsewhere and not shared and not isinstance(call.args[0], ast.Starred):
                yield Match(node.target, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _rewrite(rewriter: Rewriter, node: ast.For | ast.comprehension) -> None:
    assert isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Call)
    target = node.target.elts[1]
    code = rewriter.code(target)
    rewriter.replace(node.iter, rewriter.value(node.iter.args[0]))
    rewriter.replace(node.target, f"({code})" if "\n" in code and not code.startswith(("(", "[")) else code)


KIND = DropUnusedEnumerate()
