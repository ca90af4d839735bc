"""Loops of a function, and what stays the same in them."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.analysis.scope import bound_names
from dean_airflow.evolution.edits.function import Function

Loop = ast.For | ast.While


def outermost_loop(function: Function, node: ast.AST) -> Loop | None:
    """The outermost `for` or `while` that evaluates the node again on every turn and starts its line."""
    found: Loop | None = None
    for ancestor in function.ancestors(node):
        if isinstance(ancestor, ast.For | ast.While) and function.starts_line(ancestor):
            found = ancestor if is_repeated(function, ancestor, node) else found
    return found


def bound_above(function: Function, name: str) -> ast.stmt | None:
    """The one statement that binds a local variable, if it stands in the function's own block or a block around every
    use below it, and nothing else can bind it."""
    bindings = function.scope.bindings.get(name, [])
    if len(bindings) != 1 or name in function.scope.parameters or name in function.unit.nonlocal_names:
        return None
    if not function.scope.is_local(name):
        return None
    statement = function.statement_of(bindings[0])
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return None
    if isinstance(statement, ast.Assign) and (len(statement.targets) != 1 or statement.targets[0] is not bindings[0]):
        return None
    return statement


def encloses(function: Function, statement: ast.stmt, other: ast.stmt) -> bool:
    """The statement stands before the other in the block of one of the other's ancestors (or in its own)."""
    block = function.block_of(statement)
    ancestors = [other, *function.ancestors(other)]
    inside = [part for part in block if part in ancestors]
    return bool(inside) and block.index(statement) < block.index(inside[0])


def is_repeated(function: Function, loop: Loop, node: ast.AST) -> bool:
    """The node is evaluated again on every turn: it is in the loop's body, or in the test of a `while`."""
    child = node
    for ancestor in function.ancestors(node):
        if ancestor is loop:
            return child in loop.body or (isinstance(loop, ast.While) and child is loop.test)
        child = ancestor
    return False


def changes(loop: Loop) -> set[str]:
    """Names bound anywhere in the loop, its target included."""
    return bound_names([loop])
