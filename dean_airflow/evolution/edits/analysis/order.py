"""Order of evaluation inside one statement."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.function import Function


def is_evaluated_first(function: Function, node: ast.expr) -> bool:
    """The node is the first thing its statement evaluates that can have an effect or fail, it is evaluated exactly
    once whenever the statement is, and statements can be put above: so it may be computed there instead.

    What may come before it are constants, variables and the like (`Function.is_fixed`).
    """
    statement = function.statement_of(node)
    if not function.starts_line(statement) or any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
        return False
    child: ast.AST = node
    while child is not statement:
        parent = function.parent(child)
        if not _is_first_in(function, child, parent):
            return False
        child = parent
    return True


def _is_first_in(function: Function, child: ast.AST, parent: ast.AST) -> bool:
    """Whether a child is what its parent evaluates first of all (fixed expressions apart)."""
    match parent:
        case ast.Expr() | ast.Return() | ast.UnaryOp() | ast.Attribute() | ast.keyword() | ast.NamedExpr():
            return True
        case ast.Assign(value=first) | ast.If(test=first) | ast.For(iter=first) | ast.IfExp(test=first):
            return child is first
        case ast.AnnAssign(value=first, target=ast.Name()) | ast.Raise(exc=first):
            return child is first
        case ast.AugAssign(target=target, value=first):
            return child is first and function.is_variable(target)
        case ast.BoolOp(values=[first, *_]):
            return child is first
        case ast.BinOp(left=left, right=right):
            return child is left or (child is right and function.is_fixed(left))
        case ast.Compare(left=left, comparators=[second, *_]):
            return child is left or (child is second and function.is_fixed(left))
        case ast.Subscript(value=value, slice=index):
            return child is value or (child is index and function.is_fixed(value))
        case ast.Call(func=func, args=args, keywords=keywords):
            return _nothing_before(function, child, [func, *args, *keywords])
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return _nothing_before(function, child, [*elements])
    return False


def _nothing_before(function: Function, child: ast.AST, in_order: list[ast.AST]) -> bool:
    before = in_order[: in_order.index(child)]
    return all(function.is_fixed(node.value if isinstance(node, ast.keyword) else node) for node in before)
