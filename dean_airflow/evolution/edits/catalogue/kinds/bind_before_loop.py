"""Functions of modules looked up once before a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.known_modules import fixed_callable
from dean_airflow.evolution.edits.analysis.loops import Loop, is_repeated, outermost_loop
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class BindBeforeLoop(Kind):
    """`module.function` used in a loop is looked up once, before it.

    Safe for functions and classes of standard-library modules imported at the top level: they are there, looking
    them up has no effect, and nobody replaces them while the loop runs. (Methods of local lists and the like are left
    alone: from Python 3.11 on, `rows.append(x)` is faster than a bound `append(x)`.)

        for x in xs:                  →    _floor = math.floor
            total += math.floor(x)         for x in xs:
                                               total += _floor(x)
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
        dotted = function.module.imported_module(name) if function.is_global(name) else None
        if dotted is None or not fixed_callable(dotted, node.attr) or name in function.comprehension_names(node):
            return None
        return outermost_loop(function, node)


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
