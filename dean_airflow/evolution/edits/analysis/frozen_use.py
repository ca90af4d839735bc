"""Uses of a container that neither change it nor let anyone else get hold of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.function import Function

_READING_METHODS = frozenset({"get", "index", "count", "join"})
_VIEWS = frozenset({"items", "keys", "values"})
_READING_BUILTINS = ("len", "sum", "any", "all", "sorted", "tuple", "frozenset", "set", "list", "dict")


def loads_of(function: Function, name: str) -> Iterator[ast.Name]:
    """Every read of a name anywhere in the function, nested scopes included."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node


def is_only_read(function: Function, node: ast.expr) -> bool:
    """The expression is used where its value is looked into and then forgotten. Its elements may escape, so they
    must be immutable themselves."""
    parent = function.parent(node)
    match parent:
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is node
        case ast.Compare(ops=[*_, ast.In() | ast.NotIn()], comparators=[*_, last]):
            return last is node
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
            return iterated is node
        case ast.Attribute(value=value, attr=attribute):
            call = function.parent(parent)
            if value is not node or not isinstance(call, ast.Call) or call.func is not parent:
                return False
            return attribute in _READING_METHODS or (attribute in _VIEWS and is_only_read(function, call))
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() | bytes()), attr="join")):
            return True
        case ast.Call():
            return function.is_builtin_call(parent, *_READING_BUILTINS) and node in parent.args
    return False
