"""Expressions that are surely exact `int`s."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.analysis.loops import bound_above, encloses
from dean_airflow.evolution.edits.function import Function

_DEEPEST = 4


def is_integer(function: Function, node: ast.expr, before: ast.stmt, depth: int = 0) -> bool:
    """The value is an exact `int`, computed without effect or failure, just before a statement."""
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            return is_integer(function, left, before, depth) and is_integer(function, right, before, depth)
        case ast.Name(id=name) if depth < _DEEPEST:
            return _is_integer_variable(function, name, before, depth)
    return False


def _is_integer_variable(function: Function, name: str, before: ast.stmt, depth: int) -> bool:
    bindings = function.scope.bindings.get(name, [])
    if len(bindings) != 1 or name in function.scope.parameters or name in function.unit.nonlocal_names:
        return False
    if not function.scope.is_local(name):
        return False
    binding = bindings[0]
    loop = function.statement_of(binding)
    if isinstance(loop, ast.For):
        around = loop in function.ancestors(before) and any(
            part is before for statement in loop.body for part in ast.walk(statement)
        )
        return around and _counts(function, loop, binding)
    statement = bound_above(function, name)
    if statement is None or not encloses(function, statement, before):
        return False
    assert isinstance(statement, ast.Assign | ast.AnnAssign)
    value = statement.value
    if function.is_builtin_call(value, "len"):
        return True
    return value is not None and is_integer(function, value, statement, depth + 1)


def _counts(function: Function, loop: ast.For, binding: ast.AST) -> bool:
    """The variable is what `range` yields, or the number `enumerate` gives."""
    if function.is_builtin_call(loop.iter, "range"):
        return loop.target is binding
    if not function.is_builtin_call(loop.iter, "enumerate") or not isinstance(loop.target, ast.Tuple):
        return False
    start = loop.iter.args[1:] + [word.value for word in loop.iter.keywords if word.arg == "start"]
    whole = all(isinstance(value, ast.Constant) and type(value.value) is int for value in start)
    return whole and loop.target.elts[0] is binding
