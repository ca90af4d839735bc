"""Expressions that can be evaluated any number of times without anybody noticing."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.function import Function


def is_pure_test(function: Function, node: ast.expr, variables: set[str] | None = None) -> bool:
    """It only asks about identity, exact type, class or callability of variables: no method of theirs is called.
    `variables`: names that count as variables besides the function's own."""

    def fixed(part: ast.expr) -> bool:
        return (isinstance(part, ast.Name) and part.id in (variables or ())) or function.is_fixed(part)

    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return is_pure_test(function, operand, variables)
        case ast.BoolOp(values=values):
            return all(is_pure_test(function, value, variables) for value in values)
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
            if function.is_builtin_call(left, "type") and len(left.args) == 1:
                left = left.args[0]
            return fixed(left) and fixed(right)
        case ast.Call(args=[value, classes], keywords=[]) if function.is_builtin_call(node, "isinstance"):
            asked = classes.elts if isinstance(classes, ast.Tuple) else [classes]
            return fixed(value) and all(isinstance(part, ast.Name) and function.is_builtin(part.id) for part in asked)
        case ast.Call(args=[value], keywords=[]) if function.is_builtin_call(node, "callable"):
            return fixed(value)
    return False
