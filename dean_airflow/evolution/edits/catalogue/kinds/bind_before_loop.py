"""Attributes looked up once before a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.known_modules import fixed_callable
from dean_airflow.evolution.edits.analysis.loops import Loop, bound_above, encloses, is_repeated, outermost_loop_without
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_METHODS = {
    "list": frozenset({"append", "extend", "insert", "pop", "sort", "index", "count"}),
    "dict": frozenset({"get", "setdefault", "pop", "update", "items", "keys", "values"}),
    "set": frozenset({"add", "discard", "update", "remove"}),
}


class BindBeforeLoop(Kind):
    """`module.attribute` or `fresh.method` used in a loop is looked up once, before it.

    Safe for functions and classes of standard-library modules imported at the top level (nobody replaces them in the
    meantime), and for methods of a list, dictionary or set that the function itself has made (`rows = []`), bound
    once, above the loop: these are exact built-in types, whose methods are fixed. Calls made in the loop's own nested
    functions are left alone.

        rows = []                          rows = []
        for x in xs:                  →    _append = rows.append
            rows.append(x)                 for x in xs:
                                               _append(x)
    """

    name = "bind_before_loop"

    def find(self, function: Function) -> Iterator[Match]:
        seen: set[tuple[str, int]] = set()
        for node in function.nodes:
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            if not isinstance(node.ctx, ast.Load):
                continue
            loop = self._loop(function, node)
            if loop is None:
                continue
            text = ast.unparse(node)
            if (text, id(loop)) in seen:
                continue
            seen.add((text, id(loop)))
            yield Match(
                node,
                lambda rewriter, loop=loop, text=text: _rewrite(rewriter, loop, text),  # type: ignore[misc]
                detail=text,
            )

    def _loop(self, function: Function, node: ast.Attribute) -> Loop | None:
        """The loop before which the attribute can be looked up."""
        assert isinstance(node.value, ast.Name)
        name = node.value.id
        if function.is_global(name):
            dotted = function.module.imported_module(name)
            if dotted is None or not fixed_callable(dotted, node.attr):
                return None
            if name in function.comprehension_names(node):
                return None
            return outermost_loop_without(function, node, None)
        binding = bound_above(function, name)
        if binding is None or node.attr not in _METHODS.get(_made(function, binding), frozenset()):
            return None
        loop = outermost_loop_without(function, node, binding)
        return loop if loop is not None and encloses(function, binding, loop) else None


def _made(function: Function, binding: ast.stmt) -> str:
    """The built-in type of what a statement gives its one name, if it makes it anew."""
    value = binding.value if isinstance(binding, ast.Assign | ast.AnnAssign) else None
    match value:
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Call(func=ast.Name(id="list" | "dict" | "set" as name)) if function.is_builtin(name):
            return name
    return ""


def _rewrite(rewriter: Rewriter, loop: Loop, text: str) -> None:
    name = rewriter.fresh(text.rsplit(".", 1)[1])
    rewriter.insert_before(loop, [f"{name} = {text}"])
    for node in rewriter.function.nodes:
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and is_repeated(rewriter.function, loop, node)
            and ast.unparse(node) == text
        ):
            rewriter.replace(node, name)


KIND = BindBeforeLoop()
