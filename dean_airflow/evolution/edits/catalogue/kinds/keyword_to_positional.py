"""Arguments given by keyword to a known function, given by position."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.inlining import Binding, bind_arguments, known_function
from dean_airflow.evolution.edits.analysis.module_attributes import is_module_attribute
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class KeywordToPositional(Kind):
    """`helper(text, deep=1)` becomes `helper(text, 1)`: the interpreter enters a function called by position without
    sorting its arguments.

    Safe when `helper` surely is one undecorated function of the project that takes all of them by position, a
    parameter left out in between has a constant default (which is then given), and arguments that could have an
    effect keep their order. There are no stars.

        def find(text, start=0, deep=False): ...
        find(line, deep=True)     →     find(line, 0, True)
    """

    name = "keyword_to_positional"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if isinstance(node, ast.Call) and node.keywords and _by_position(function, node) is not None:
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _by_position(function: Function, node: ast.Call) -> list[Binding] | None:
    """What is passed for each parameter up to the last one given; None where positions would change the meaning."""
    found = known_function(function, node.func)
    if found is None or not isinstance(found.node, ast.FunctionDef) or found.node.args.kwonlyargs:
        return None
    bindings = bind_arguments(found.node, node)
    if bindings is None:
        return None
    last = max(number for number, binding in enumerate(bindings) if binding.given >= 0)
    bindings = bindings[: last + 1]
    moving = [
        binding.given
        for binding in bindings
        if not function.is_fixed(binding.value) and not is_module_attribute(function, binding.value)
    ]
    return bindings if moving == sorted(moving) else None


def _rewrite(rewriter: Rewriter, node: ast.Call) -> None:
    bindings = _by_position(rewriter.function, node)
    assert bindings is not None
    if [binding.given for binding in bindings] == list(range(len(bindings))):
        # In the order of the parameters already: only the names go, the layout stays.
        for word in node.keywords:
            start, _ = rewriter.unit.positions.span(word)
            equals = rewriter.unit.text.index("=", start)
            value = rewriter.unit.text[equals + 1 :]
            rewriter.replace_span(start, equals + 1 + len(value) - len(value.lstrip(" \t")), "")
        return
    passed = [
        repr(binding.value.value)
        if binding.given < 0 and isinstance(binding.value, ast.Constant)
        else rewriter.value(binding.value)
        for binding in bindings
    ]
    rewriter.replace(node, f"{rewriter.code(node.func)}({', '.join(passed)})")


KIND = KeywordToPositional()
