"""Generator expressions that are used up at once, as lists."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class GeneratorToList(Kind):
    """A generator expression given to `join`, `sorted` or `tuple` becomes a list comprehension: no generator
    to resume for each element.

    Safe for `join` of a literal string or bytes and for the built-ins `sorted` and `tuple`, because they make a list
    (or tuple) of all elements before they look at any. The generator is not async, and `next` is not called in it: a
    StopIteration there is a RuntimeError in a generator only. Memory stays as it was, since the list existed already.

        ", ".join(str(x) for x in items)     →     ", ".join([str(x) for x in items])
    """

    name = "generator_to_list"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.GeneratorExp):
                continue
            generator = node.args[0]
            if not _takes_all(function, node) or any(clause.is_async for clause in generator.generators):
                continue
            if any(isinstance(part, ast.Await) for part in ast.walk(generator)):
                continue
            if not any(function.is_builtin_call(part, "next") for part in ast.walk(generator)):
                yield Match(generator, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _takes_all(function: Function, node: ast.Call) -> bool:
    if isinstance(node.func, ast.Attribute):
        text = node.func.value
        is_text = isinstance(text, ast.Constant) and isinstance(text.value, str | bytes)
        return node.func.attr == "join" and is_text and not node.keywords and len(node.args) == 1
    if function.is_builtin_call(node, "tuple"):
        return not node.keywords and len(node.args) == 1
    return function.is_builtin_call(node, "sorted") and len(node.args) == 1


def _rewrite(rewriter: Rewriter, node: ast.Call) -> None:
    generator = node.args[0]
    code = rewriter.code(generator)
    listed = f"[{code[1:-1]}]"
    # A generator that is the only argument shares its parentheses with the call.
    positions = rewriter.unit.positions
    shared = positions.span(generator)[1] == positions.span(node)[1]
    rewriter.replace(generator, f"({listed})" if shared else listed)


KIND = GeneratorToList()
