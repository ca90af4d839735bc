"""No `**options` in a call where there are none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.frozen_use import is_only_read, loads_of
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class SkipEmptySpread(Kind):
    """A call that passes the function's own `**options` on is made without them when they are empty.

    Safe because they are the function's own dictionary, never bound again, never handed to anybody, and mentioned
    nowhere else in the call: whether they are empty can be asked before the callee and the arguments are evaluated.

        def f(x, **options):               →   def f(x, **options):
            return g(x, **options)                 return (g(x) if not options else g(x, **options))
    """

    name = "skip_empty_spread"

    def find(self, function: Function) -> Iterator[Match]:
        options = function.node.args.kwarg
        if options is None or options.arg in function.scope.bindings or not function.is_private(options.arg):
            return
        if not all(_stays(function, use) for use in loads_of(function, options.arg)):
            return
        for node in function.nodes:
            if isinstance(node, ast.Call) and _spreads_once(node, options.arg):
                yield Match(
                    node,
                    lambda rewriter, node=node: _rewrite(rewriter, node, options.arg),  # type: ignore[misc]
                )


def _stays(function: Function, use: ast.Name) -> bool:
    """The use does not give the dictionary itself to anybody."""
    parent = function.parent(use)
    match parent:
        case ast.Starred() | ast.keyword(arg=None) | ast.UnaryOp(op=ast.Not()) | ast.If():
            return True
        case ast.Subscript(value=value) | ast.Attribute(value=value):
            return value is use
    return is_only_read(function, use)


def _spreads_once(node: ast.Call, name: str) -> bool:
    """`**name` is the only spread of a mapping in the call, and the only mention of the name."""
    mappings = [word.value for word in node.keywords if word.arg is None]
    return (
        len(mappings) == 1
        and isinstance(mappings[0], ast.Name)
        and mappings[0].id == name
        and sum(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node)) == 1
        and not any(isinstance(part, ast.NamedExpr | ast.Lambda) for part in ast.walk(node))
    )


def _rewrite(rewriter: Rewriter, node: ast.Call, name: str) -> None:
    plain = [rewriter.code(argument) for argument in node.args]
    plain += [f"{word.arg}={rewriter.code(word.value)}" for word in node.keywords if word.arg is not None]
    call = f"{rewriter.code(node.func)}({', '.join(plain)})"
    rewriter.replace(node, f"({call} if not {name} else {rewriter.code(node)})")


KIND = SkipEmptySpread()
