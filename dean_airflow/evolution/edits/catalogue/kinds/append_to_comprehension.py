"""A loop that only appends, as a list comprehension."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.captures import captured_names
from dean_airflow.evolution.edits.analysis.scope import names_in
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class AppendToComprehension(Kind):
    """`found = []` followed by a loop that does nothing but `found.append(...)`, perhaps under one `if`, becomes a
    list comprehension: no method call for each element.

    Safe when the two statements follow each other, nothing in the loop mentions the list, `yield`s, waits, or binds a
    name, the loop's variables are used nowhere else and not seen by nested scopes, and no `try` or `with` of the
    function holds the loop (an exception would show the list half full).

        lines = []                            →     lines = [row.strip() for row in rows if row]
        for row in rows:
            if row:
                lines.append(row.strip())
    """

    name = "append_to_comprehension"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.For) or node.orelse or not function.owns_lines(node):
                continue
            block = function.block_of(node)
            before = block[block.index(node) - 1] if block.index(node) else None
            appended = _appended(node)
            if before is None or appended is None or not function.owns_lines(before):
                continue
            if _new_list(before) == appended and _is_safe(function, node, appended):
                yield Match(node, lambda rewriter, node=node, before=before: _rewrite(rewriter, node, before))  # type: ignore[misc]


def _new_list(statement: ast.stmt) -> str | None:
    """The name that `name = []` (annotated or not) binds."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])):
            return name
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.List(elts=[])):
            return name
    return None


def _append(node: ast.For) -> tuple[ast.expr | None, ast.Call] | None:
    """The condition, if any, and the call that is all the loop does."""
    match node.body:
        case [ast.If(test=test, body=[ast.Expr(value=ast.Call() as call)], orelse=[])]:
            return test, call
        case [ast.Expr(value=ast.Call() as call)]:
            return None, call
    return None


def _appended(node: ast.For) -> str | None:
    found = _append(node)
    match found[1] if found else None:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[argument], keywords=[]):
            return None if isinstance(argument, ast.Starred) else name
    return None


def _is_safe(function: Function, node: ast.For, appended: str) -> bool:
    found = _append(node)
    assert found is not None
    condition, call = found
    evaluated = [node.iter, call.args[0], *([condition] if condition else [])]
    parts = [part for expression in evaluated for part in ast.walk(expression)]
    if any(isinstance(part, ast.Yield | ast.YieldFrom | ast.Await | ast.NamedExpr) for part in parts):
        return False
    # Inside a comprehension a bare `super()` finds no instance.
    if names_in(evaluated) & {appended, "super", "__class__"} or appended in names_in([node.target]):
        return False
    if appended in captured_names(function.node):
        return False
    if any(isinstance(ancestor, ast.Try | ast.With | ast.AsyncWith) for ancestor in function.ancestors(node)):
        return False
    if not all(isinstance(part, ast.Name | ast.Tuple | ast.Store) for part in ast.walk(node.target)):
        return False
    targets = names_in([node.target])
    if targets & captured_names(function.node) or targets & names_in([node.iter]):
        return False
    if not all(function.scope.is_local(name) for name in (*targets, appended)):
        return False
    within = {id(part) for part in ast.walk(node)}
    uses = [part for part in ast.walk(function.node) if isinstance(part, ast.Name) and part.id in targets]
    return not targets & function.scope.parameters and all(id(part) in within for part in uses)


def _rewrite(rewriter: Rewriter, node: ast.For, before: ast.stmt) -> None:
    assert isinstance(before, ast.Assign | ast.AnnAssign) and before.value is not None
    found = _append(node)
    assert found is not None
    condition, call = found
    code = f"{_element(rewriter, call.args[0])} for {rewriter.code(node.target)} in {rewriter.operand(node.iter)}"
    if condition is not None:
        code += f" if {rewriter.operand(condition)}"
    head_start, _ = rewriter.unit.positions.span(before)
    value_start, value_end = rewriter.unit.positions.span(before.value)
    _, end = rewriter.unit.positions.span(node)
    between = rewriter.unit.text[value_end : rewriter.unit.positions.span(node)[0]]
    head = rewriter.unit.text[head_start:value_start]
    if "#" in between:
        # Comments between the two statements keep their lines; the list is made where the loop was.
        rewriter.replace_statement(node, [f"{head}[{code}]"])
        return
    rewriter.replace_span(head_start, end, f"{head}[{code}]")


def _element(rewriter: Rewriter, node: ast.expr) -> str:
    return rewriter.value(node) if not isinstance(node, ast.Tuple) else rewriter.operand(node)


KIND = AppendToComprehension()
