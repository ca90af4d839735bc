"""`dict()`, `list()`, `tuple()` and `dict(a=1)` as displays."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_EMPTY = {"dict": "{}", "list": "[]", "tuple": "()", "str": '""'}


class CallToDisplay(Kind):
    """A call of `dict`, `list`, `tuple` or `str` without arguments becomes `{}`, `[]`, `()` or `""`, and a `dict` of
    keyword arguments a dict display: no look-up and no call.

    Safe when the name is the built-in and no argument is starred; values are computed in the same order.

        options = dict(name=name, size=3)     →     options = {"name": name, "size": 3}
    """

    name = "call_to_display"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not function.is_builtin_call(node, *_EMPTY) or node.args:
                continue
            plain = all(word.arg is not None and not keyword.iskeyword(word.arg) for word in node.keywords)
            is_dict = isinstance(node.func, ast.Name) and node.func.id == "dict"
            if plain and (is_dict or not node.keywords):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _rewrite(rewriter: Rewriter, node: ast.Call) -> None:
    assert isinstance(node.func, ast.Name)
    if not node.keywords:
        rewriter.replace(node, _EMPTY[node.func.id])
        return
    for word in node.keywords:
        start, _ = rewriter.unit.positions.span(word)
        value, _ = rewriter.unit.positions.span(word.value)
        if "#" in rewriter.unit.text[start:value]:
            continue
        rewriter.replace_span(start, value, f'"{word.arg}": ')
    start, end = rewriter.unit.positions.span(node)
    opening = rewriter.unit.text.index("(", rewriter.unit.positions.span(node.func)[1])
    rewriter.replace_span(start, opening + 1, "{")
    rewriter.replace_span(end - 1, end, "}")


KIND = CallToDisplay()
