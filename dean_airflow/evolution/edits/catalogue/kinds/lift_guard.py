"""The early return at the start of a function, asked where it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.facts import substitute_all
from dean_airflow.evolution.edits.analysis.purity import is_pure_test
from dean_airflow.evolution.edits.analysis.values import bind_arguments
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class LiftGuard(Kind):
    """A call of a module-level function that starts with `if test: return value` asks the test before calling.

    Safe when the function is bound once, undecorated, neither async nor a generator, takes no `*args`; the arguments
    are variables or constants; the test only asks about identity, type or class (`x is None`, `isinstance(x, str)`),
    so that asking twice makes no difference; the value returned is a parameter, a constant or such; and the names
    in both mean the same at the call.

        def show(x):
            if x is None:
                return ""
            ...
        def f(a):                    →    def f(a):
            return show(a)                    return ("" if a is None else show(a))
    """

    name = "lift_guard"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            target = function.module.binding_of(node.func.id) if function.is_global(node.func.id) else None
            if not isinstance(target, ast.FunctionDef):
                continue
            guard = _guard(function, target, node)
            if guard is not None:
                yield Match(
                    node,
                    lambda rewriter, node=node, guard=guard: _rewrite(rewriter, node, *guard),  # type: ignore[misc]
                    detail=target.name,
                )


def _guard(function: Function, target: ast.FunctionDef, node: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """Test and value of the callee's first statement, over the call's arguments."""
    documented = isinstance(target.body[0], ast.Expr) and isinstance(target.body[0].value, ast.Constant)
    first = target.body[1 if documented else 0 :][:1]
    bound = bind_arguments(target, node)
    match first:
        case [ast.If(test=test, body=[ast.Return(value=value)], orelse=[])] if bound is not None:
            pass
        case _:
            return None
    if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(target)):
        return None
    if not all(function.is_fixed(argument) for argument in bound.values()):
        return None
    value = value or ast.Constant(None)
    for part in (*ast.walk(test), *ast.walk(value)):
        if (
            isinstance(part, ast.Name)
            and part.id not in bound
            and (not function.is_global(part.id) or part.id in function.comprehension_names(node))
        ):
            return None
    if not is_pure_test(function, test, set(bound)):
        return None
    if not isinstance(value, ast.Constant) and not (isinstance(value, ast.Name) and value.id in bound):
        return None
    written = substitute_all(test, bound), substitute_all(value, bound)
    return None if written[0] is None or written[1] is None else (written[0], written[1])


def _rewrite(rewriter: Rewriter, node: ast.Call, test: ast.expr, value: ast.expr) -> None:
    rewriter.replace(node, f"({ast.unparse(value)} if {ast.unparse(test)} else {rewriter.code(node)})")


KIND = LiftGuard()
