"""`any` and `all` over a generator expression as plain loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.analysis.rename import can_rename, renamed
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class AnyAllToLoop(Kind):
    """`any(...)` or `all(...)` of a generator expression becomes a loop that stops at the answer: no generator frame.

    Safe when the name is the built-in, the call is what its statement evaluates first (or the value returned), the
    generator has one `for`, not async, and its variable can be renamed to a fresh one (a comprehension's variable
    must not leak). `next` may not be called in it: a StopIteration there is a RuntimeError in a generator only.

        if any(c in text for c in marks):     →     _found = False
            ...                                     for _c in marks:
                                                        if _c in text:
                                                            _found = True
                                                            break
                                                    if _found:
                                                        ...
    """

    name = "any_all_to_loop"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not function.is_builtin_call(node, "any", "all") or node.keywords or len(node.args) != 1:
                continue
            generator = node.args[0]
            if not isinstance(generator, ast.GeneratorExp) or len(generator.generators) != 1:
                continue
            if not can_rename(generator) or not is_evaluated_first(function, node):
                continue
            if any(function.is_builtin_call(part, "next") for part in ast.walk(generator)):
                continue
            yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _rewrite(rewriter: Rewriter, node: ast.Call) -> None:
    function = rewriter.function
    generator = node.args[0]
    assert isinstance(generator, ast.GeneratorExp) and isinstance(node.func, ast.Name)
    clause = generator.generators[0]
    step = function.indent_step
    rename = renamed(rewriter, generator)
    iterable = rewriter.value(clause.iter)
    condition = rename(generator.elt)
    if node.func.id == "all":
        condition = f"not {condition}"
    lines = [f"for {rename(clause.target)} in {iterable}:"]
    indent = step
    for test in clause.ifs:
        lines.append(f"{indent}if {rename(test)}:")
        indent += step
    lines.append(f"{indent}if {condition}:")
    indent += step
    statement = function.statement_of(node)
    found, otherwise = ("True", "False") if node.func.id == "any" else ("False", "True")
    if isinstance(statement, ast.Return) and statement.value is node:
        rewriter.replace_statement(statement, [*lines, f"{indent}return {found}", f"return {otherwise}"])
        return
    answer = rewriter.fresh("found" if node.func.id == "any" else "holds")
    lines = [f"{answer} = {otherwise}", *lines, f"{indent}{answer} = {found}", f"{indent}break"]
    rewriter.insert_before(statement, lines)
    rewriter.replace(node, answer)


KIND = AnyAllToLoop()
