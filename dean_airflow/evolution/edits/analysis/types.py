"""Expressions whose value is surely of one exact built-in type."""

from __future__ import annotations

import ast

from dean_airflow.evolution.edits.analysis.facts import SAMPLES, Facts

# Methods of `str` whose result is an exact `str` whatever the arguments.
_STRING_METHODS = frozenset(
    {
        "capitalize", "casefold", "center", "expandtabs", "join", "ljust", "lower", "lstrip", "removeprefix",
        "removesuffix", "replace", "rjust", "rstrip", "strip", "swapcase", "title", "translate", "upper", "zfill",
    }
)  # fmt: skip


def type_of(facts: Facts, node: ast.expr) -> str | None:
    """The name of the exact type (a key of `SAMPLES`), or None."""
    match node:
        case ast.Constant(value=value):
            name = type(value).__name__
            return name if name in SAMPLES else None
        case ast.JoinedStr():
            return "str"
        case ast.Name(id=name):
            return facts.types.get(name)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if facts.types.get(name) == "str":
            return "str" if method in _STRING_METHODS else None
        case ast.Call(func=ast.Attribute(value=pattern, attr="sub"), args=[ast.Constant(value=str()), text]):
            exact = isinstance(text, ast.Name) and facts.types.get(text.id) == "str" and not node.keywords
            return "str" if exact and _is_pattern(facts, pattern) else None
        case ast.Call(func=ast.Name(id="len")) if facts.function.is_builtin("len"):
            return "int"
        case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return "bool"
    return None


def _is_pattern(facts: Facts, node: ast.expr) -> bool:
    """A global bound once to `re.compile(...)`."""
    value = facts.function.global_value(node)
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "compile"
        and facts.function.is_module(value.func.value, "re", before_top=True)
    )
