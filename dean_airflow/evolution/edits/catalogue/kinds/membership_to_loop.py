"""`x in (generator expression)` as a plain loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.captures import captured_names
from dean_airflow.evolution.edits.analysis.order import is_evaluated_first
from dean_airflow.evolution.edits.analysis.rename import can_rename, renamed
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class MembershipToLoop(Kind):
    """Looking for a value in a generator expression becomes a loop that stops where it is found: no
    generator frame.

    Safe when the generator has one `for`, not async, its variable can be renamed to a fresh one, and `next` is not
    called in it (a StopIteration there is a RuntimeError in a generator only). Elements are compared as `in` does it:
    identity first, then `element == value`. Two forms are taken: a comparison that is what its statement evaluates
    first, and a generator kept in a variable for the one `return` that follows (the return is then repeated in the
    branch; the variable must not be seen by nested functions). The outermost iterable is asked for its iterator, and
    the value computed, in the old order.

        if folded:                                     if folded:
            names = (n.lower() for n in names)    →        for _n in names:
        return key in names                                    _element = _n.lower()
                                                               if _element is key or _element == key:
                                                                   return True
                                                           return False
                                                       return key in names
    """

    name = "membership_to_loop"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if isinstance(node, ast.Compare):
                generator = node.comparators[0]
                if _is_membership(node) and _can_loop(function, generator) and is_evaluated_first(function, node):
                    yield Match(node, lambda rewriter, node=node: _in_place(rewriter, node))  # type: ignore[misc]
            elif isinstance(node, ast.Assign) and _can_loop(function, node.value):
                answer = _returned_next(function, node)
                if answer is not None and function.is_builtin("iter"):
                    yield Match(
                        node,
                        lambda rewriter, node=node, answer=answer: _in_branch(rewriter, node, answer),  # type: ignore[misc]
                    )


def _is_membership(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn)


def _can_loop(function: Function, node: ast.expr) -> bool:
    return (
        isinstance(node, ast.GeneratorExp)
        and len(node.generators) == 1
        and can_rename(node)
        and not any(function.is_builtin_call(part, "next") for part in ast.walk(node))
    )


def _returned_next(function: Function, node: ast.Assign) -> ast.Compare | None:
    """The comparison of the `return` that is all that can see the variable: it follows the assignment, or
    the `if` (without `else`) that the assignment ends."""
    if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name) or not function.owns_lines(node):
        return None
    name = node.targets[0].id
    if not function.scope.is_local(name) or name in captured_names(function.node):
        return None
    block = function.block_of(node)
    following = block[block.index(node) + 1 :]
    branch = function.parent(node)
    if not following and isinstance(branch, ast.If) and block is branch.body and not branch.orelse:
        block = function.block_of(branch)
        following = block[block.index(branch) + 1 :]
    answer = following[0].value if following and isinstance(following[0], ast.Return) else None
    if not isinstance(answer, ast.Compare) or not _is_membership(answer):
        return None
    container = answer.comparators[0]
    if not isinstance(container, ast.Name) or container.id != name:
        return None
    return None if name in {part.id for part in ast.walk(answer.left) if isinstance(part, ast.Name)} else answer


def _in_place(rewriter: Rewriter, node: ast.Compare) -> None:
    function = rewriter.function
    generator = node.comparators[0]
    assert isinstance(generator, ast.GeneratorExp)
    lines: list[str] = []
    wanted = _computed(rewriter, node.left, lines)
    loop, deep = _loop(rewriter, generator, wanted, rewriter.value(generator.generators[0].iter))
    lines += loop
    found, otherwise = _answers(node)
    statement = function.statement_of(node)
    if isinstance(statement, ast.Return) and statement.value is node:
        rewriter.replace_statement(statement, [*lines, f"{deep}return {found}", f"return {otherwise}"])
        return
    answer = rewriter.fresh("found")
    rewriter.insert_before(statement, [f"{answer} = {otherwise}", *lines, f"{deep}{answer} = {found}", f"{deep}break"])
    rewriter.replace(node, answer)


def _in_branch(rewriter: Rewriter, node: ast.Assign, answer: ast.Compare) -> None:
    generator = node.value
    assert isinstance(generator, ast.GeneratorExp)
    iterable = rewriter.value(generator.generators[0].iter)
    lines: list[str] = []
    if not rewriter.function.is_fixed(answer.left):
        elements = rewriter.fresh("elements")
        lines.append(f"{elements} = iter({iterable})")
        iterable = elements
    wanted = _computed(rewriter, answer.left, lines)
    loop, deep = _loop(rewriter, generator, wanted, iterable)
    found, otherwise = _answers(answer)
    rewriter.replace_statement(node, [*lines, *loop, f"{deep}return {found}", f"return {otherwise}"])


def _computed(rewriter: Rewriter, node: ast.expr, lines: list[str]) -> str:
    if rewriter.function.is_fixed(node):
        return rewriter.code(node)
    name = rewriter.fresh("wanted")
    lines.append(f"{name} = {rewriter.value(node)}")
    return name


def _loop(rewriter: Rewriter, generator: ast.GeneratorExp, wanted: str, iterable: str) -> tuple[list[str], str]:
    """The loop down to the test of an element, and the indentation of what happens where it is found."""
    clause = generator.generators[0]
    step = rewriter.function.indent_step
    rename = renamed(rewriter, generator)
    lines = [f"for {rename(clause.target)} in {iterable}:"]
    indent = step
    for test in clause.ifs:
        lines.append(f"{indent}if {rename(test)}:")
        indent += step
    element = rewriter.fresh("element")
    lines.append(f"{indent}{element} = {rename(generator.elt)}")
    lines.append(f"{indent}if {element} is {wanted} or {element} == {wanted}:")
    return lines, indent + step


def _answers(node: ast.Compare) -> tuple[str, str]:
    return ("True", "False") if isinstance(node.ops[0], ast.In) else ("False", "True")


KIND = MembershipToLoop()
