"""`deque(iterator, maxlen=0)`, the recipe for using an iterator up, as a plain loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class ConsumeDequeToLoop(Kind):
    """A statement `deque(iterable, maxlen=0)` becomes a loop that does nothing: making a deque costs more
    than stepping through a few elements (for thousands the deque is faster: the measurement decides).

    Safe when the name surely is `collections.deque`, the statement does nothing else, and the length is the
    literal 0: both take every element, keep none, and raise what the iterable raises.

        deque(islice(iterator, n), maxlen=0)     →     for _item in islice(iterator, n):
                                                           pass
    """

    name = "consume_deque_to_loop"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
                continue
            if _is_deque(function, node.value.func) and _length_zero(node.value) and function.owns_lines(node):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _is_deque(function: Function, node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "deque" and function.is_module(node.value, "collections")
    return (
        isinstance(node, ast.Name)
        and function.is_global(node.id)
        and function.module.imported_name(node.id) == ("collections", "deque")
    )


def _length_zero(node: ast.Call) -> bool:
    given = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "maxlen")]
    return (
        len(node.args) + len(node.keywords) == 2
        and bool(node.args)
        and not isinstance(node.args[0], ast.Starred)
        and len(given) == 1
        and isinstance(given[0], ast.Constant)
        and given[0].value == 0
        and given[0].value is not False
    )


def _rewrite(rewriter: Rewriter, node: ast.Expr) -> None:
    assert isinstance(node.value, ast.Call)
    step = rewriter.function.indent_step
    head = f"for {rewriter.fresh('item')} in {rewriter.value(node.value.args[0])}:"
    rewriter.replace_statement(node, [head, f"{step}pass"])


KIND = ConsumeDequeToLoop()
