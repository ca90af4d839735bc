"""Calls of small functions of the same module, written out where they are called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.facts import Facts, load, substitute_all
from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.analysis.residual import Residual
from dean_airflow.evolution.edits.analysis.values import bind_arguments, value_of_body
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_LARGEST = 40


class InlineTinyFunction(Kind):
    """A call of a module-level function that only chooses and returns is replaced by its value.

    Safe when the function is bound once, undecorated, neither async nor a generator, takes no `*args`, binds nothing,
    and the names in it mean the same at the call. Arguments that are not variables or constants are computed first, in
    their order, above the statement, so the call must be what the statement evaluates first.

        def half(x): return x / 2
        def f(a):                    →    def f(a):
            return half(a) + 1                return (a / 2) + 1
    """

    name = "inline_tiny_function"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            target = function.module.binding_of(node.func.id) if function.is_global(node.func.id) else None
            if not isinstance(target, ast.FunctionDef) or target.name == function.node.name:
                continue
            value = _value(function, target, node)
            if value is None:
                continue
            yield Match(
                node,
                lambda rewriter, node=node, value=value: _rewrite(rewriter, node, value),  # type: ignore[misc]
                detail=target.name,
            )


def _value(function: Function, target: ast.FunctionDef, node: ast.Call) -> ast.expr | None:
    """What the call returns, over `_place_<n>` for the n-th argument that has to be computed first."""
    bound = bind_arguments(target, node)
    if bound is None:
        return None
    given = [*node.args, *(word.value for word in node.keywords)]
    computed = {id(value): f"_place_{number}" for number, value in enumerate(given) if not function.is_fixed(value)}
    if computed and not is_evaluated_first(function, node):
        return None
    if any(not function.is_fixed(value) for value in bound.values() if id(value) not in computed):
        return None
    arguments: dict[str, ast.expr] = {
        name: load(computed[id(value)]) if id(value) in computed else value for name, value in bound.items()
    }
    value = value_of_body(function, target, arguments, Residual(Facts(function), depth=99).block)
    if value is None or sum(1 for _ in ast.walk(value)) > _LARGEST:
        return None
    return None if _shadowed(function, node, value, arguments) else value


def _shadowed(function: Function, node: ast.Call, value: ast.expr, arguments: dict[str, ast.expr]) -> bool:
    """A global of the callee is the variable of a comprehension around the call."""
    own = {part.id for argument in arguments.values() for part in ast.walk(argument) if isinstance(part, ast.Name)}
    names = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)} - own
    return bool(names & function.comprehension_names(node)) or any(
        isinstance(part, ast.Lambda | ast.GeneratorExp) for part in ast.walk(value)
    )


def _rewrite(rewriter: Rewriter, node: ast.Call, value: ast.expr) -> None:
    function = rewriter.function
    lines = []
    names: dict[str, ast.expr] = {}
    for number, argument in enumerate([*node.args, *(word.value for word in node.keywords)]):
        if not function.is_fixed(argument):
            name = rewriter.fresh("argument")
            lines.append(f"{name} = {rewriter.value(argument)}")
            names[f"_place_{number}"] = load(name)
    if lines:
        rewriter.insert_before(function.statement_of(node), lines)
    written = substitute_all(value, names) if names else value
    assert written is not None
    rewriter.replace(node, f"({ast.unparse(written)})")


KIND = InlineTinyFunction()
