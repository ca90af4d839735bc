"""`any` and `all` over a generator expression as plain loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.facts import may_stop_iteration, only_parameter
from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.analysis.rename import can_rename, renamed
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class AnyAllToLoop(Kind):
    """`any(...)` or `all(...)` of a generator expression becomes a loop that stops at the answer: no generator frame.

    `map` with a lambda of one parameter counts as one. Safe when the names are the built-ins, the call is what its
    statement evaluates first (or the value returned), the generator has one `for`, not async, and its variable can be
    renamed to a fresh one (a comprehension's variable must not leak). `next` may not be called in it: a StopIteration
    there means something else in a generator or `map` than in a loop.

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
            generator = _generator(function, node.args[0])
            if generator is None or len(generator.generators) != 1:
                continue
            if not can_rename(generator) or not is_evaluated_first(function, node):
                continue
            if may_stop_iteration(generator):
                continue
            yield Match(node, lambda rewriter, node=node, it=generator: _rewrite(rewriter, node, it))  # type: ignore[misc]


def _generator(function: Function, node: ast.expr) -> ast.GeneratorExp | None:
    """The generator expression, or the one that `map(lambda x: ..., xs)` amounts to (made of the same nodes)."""
    if isinstance(node, ast.GeneratorExp):
        return node
    if not function.is_builtin_call(node, "map") or node.keywords or len(node.args) != 2:
        return None
    mapped, iterable = node.args
    if not isinstance(mapped, ast.Lambda) or isinstance(iterable, ast.Starred):
        return None
    parameter = only_parameter(mapped)
    if parameter is None:
        return None
    target = ast.copy_location(ast.Name(parameter.arg, ast.Store()), parameter)
    clause = ast.comprehension(target=target, iter=iterable, ifs=[], is_async=0)
    return ast.copy_location(ast.GeneratorExp(mapped.body, [clause]), node)


def _rewrite(rewriter: Rewriter, node: ast.Call, generator: ast.GeneratorExp) -> None:
    function = rewriter.function
    assert isinstance(node.func, ast.Name)
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
