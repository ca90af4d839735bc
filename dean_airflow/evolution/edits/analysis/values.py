"""The value of a small function's call, as one expression over its arguments."""

from __future__ import annotations

import ast
from collections.abc import Callable

from dean_airflow.evolution.edits.analysis.facts import substitute_all
from dean_airflow.evolution.edits.analysis.scope import bound_names
from dean_airflow.evolution.edits.function import Function

Simplified = Callable[[list[ast.stmt]], list[ast.stmt]]
"""What is left of statements once what is known of them is worked out."""


def value_of_body(
    function: Function, target: ast.FunctionDef, arguments: dict[str, ast.expr], simplified: Simplified
) -> ast.expr | None:
    """The value a function of the same module returns for arguments that may be evaluated any number of times, as
    one expression of its body `simplified`; None when its body is more than choices and returns, or its names mean
    something else here."""
    body = target.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    parameters = set(arguments)
    allowed = (ast.If, ast.Return)
    if any(is_tied_to_its_class(part) for statement in body for part in ast.walk(statement)):
        return None
    for statement in body:
        for part in ast.walk(statement):
            if isinstance(part, ast.stmt) and not isinstance(part, allowed):
                return None
            if isinstance(part, ast.Yield | ast.YieldFrom | ast.Await | ast.NamedExpr):
                return None
            if isinstance(part, ast.Name) and part.id not in parameters and not function.is_global(part.id):
                return None
    if bound_names(body):
        return None
    substituted = [_substituted(statement, arguments) for statement in body]
    if None in substituted:
        return None
    return as_expression(simplified([statement for statement in substituted if statement is not None]))


def is_tied_to_its_class(node: ast.AST) -> bool:
    """The expression means something else in another class, or outside: `__private`, `super`, `__class__`."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return (name.startswith("__") and not name.endswith("__")) or name in ("super", "__class__")


def bind_arguments(target: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr] | None:
    """Parameter → argument, as the call would bind them; defaults count when they are constants or names. None when
    it cannot be told, or the function is decorated, async, a generator or takes `*args`."""
    parameters = target.args
    if target.decorator_list or parameters.vararg or parameters.kwarg or parameters.posonlyargs:
        return None
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        word.arg is None for word in call.keywords
    ):
        return None
    names = [parameter.arg for parameter in parameters.args]
    if len(call.args) > len(names):
        return None
    bound = dict(zip(names, call.args, strict=False))
    keyword_names = {*names, *(parameter.arg for parameter in parameters.kwonlyargs)}
    for word in call.keywords:
        if word.arg is None or word.arg in bound or word.arg not in keyword_names:
            return None
        bound[word.arg] = word.value
    defaults = dict(zip(reversed(names), reversed(parameters.defaults), strict=False))
    defaults |= {
        parameter.arg: default
        for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is not None
    }
    for name in keyword_names - set(bound):
        default = defaults.get(name)
        if not isinstance(default, ast.Constant | ast.Name):
            return None
        bound[name] = default
    return bound


def _substituted(statement: ast.stmt, arguments: dict[str, ast.expr]) -> ast.stmt | None:
    match statement:
        case ast.Return(value=None):
            return ast.Return(ast.Constant(None))
        case ast.Return(value=ast.expr() as value):
            new = substitute_all(value, arguments)
            return None if new is None else ast.Return(new)
        case ast.If(test=test, body=body, orelse=orelse):
            new = substitute_all(test, arguments)
            bodies = [[_substituted(inner, arguments) for inner in block] for block in (body, orelse)]
            if new is None or any(None in block for block in bodies):
                return None
            first, second = ([inner for inner in block if inner is not None] for block in bodies)
            return ast.If(new, first, second)
    return None


def as_expression(body: list[ast.stmt]) -> ast.expr | None:
    """Choices and returns as one conditional expression."""
    match body:
        case []:
            return ast.Constant(None)
        case [ast.Return(value=value), *_]:
            return value or ast.Constant(None)
        case [ast.If(test=test, body=chosen, orelse=orelse), *rest]:
            first = as_expression([*chosen, *rest])
            second = as_expression([*orelse, *rest])
            return None if first is None or second is None else ast.IfExp(test, first, second)
    return None
