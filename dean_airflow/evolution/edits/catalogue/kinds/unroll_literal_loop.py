"""A loop over a short literal as its steps."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.captures import captured_names
from dean_airflow.evolution.edits.analysis.module_attributes import is_module_attribute
from dean_airflow.evolution.edits.analysis.scope import bound_names
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_MOST_ELEMENTS = 4
_MOST_STATEMENTS = 12


class UnrollLiteralLoop(Kind):
    """A loop over a tuple or list display of two to four elements becomes its body once for each, with the element
    put in: no tuple, no iterator, and nothing built for elements that are not reached.

    Safe when reading an element has no effect and gives the same each time: constants, variables the body does not
    bind, globals bound once, attributes of the project's own modules. The body has no `break` or `continue`, the loop
    no `else`; its variables are used nowhere else, not bound in the body and not seen by nested scopes.

        for sign, factor in (("+", 1), ("-", -1)):     →     if text.startswith("+"):
            if text.startswith(sign):                            return 1
                return factor                                if text.startswith("-"):
                                                                 return -1
    """

    name = "unroll_literal_loop"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.For) or node.orelse or not isinstance(node.iter, ast.Tuple | ast.List):
                continue
            elements = node.iter.elts
            if not 2 <= len(elements) <= _MOST_ELEMENTS or not function.owns_lines(node):
                continue
            inside = [part for statement in node.body for part in ast.walk(statement)]
            steps = sum(isinstance(part, ast.stmt) for part in inside)
            if steps * len(elements) > _MOST_STATEMENTS or any(_is_obstacle(part) for part in inside):
                continue
            if _values(node) is not None and _is_safe(function, node):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _is_obstacle(node: ast.AST) -> bool:
    """What has another meaning outside the loop, or would not survive being written anew."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and "\n" in str(part.value) for part in ast.walk(node))
    return isinstance(
        node, ast.Break | ast.Continue | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Match
    )


def _values(node: ast.For) -> list[dict[str, ast.expr]] | None:
    """What each step puts in for the loop's variables; None where the elements do not unpack by their looks."""
    assert isinstance(node.iter, ast.Tuple | ast.List)
    if isinstance(node.target, ast.Name):
        return [{node.target.id: element} for element in node.iter.elts]
    if not isinstance(node.target, ast.Tuple) or not all(isinstance(name, ast.Name) for name in node.target.elts):
        return None
    names = [name.id for name in node.target.elts if isinstance(name, ast.Name)]
    steps = []
    for element in node.iter.elts:
        if not isinstance(element, ast.Tuple | ast.List) or len(element.elts) != len(names):
            return None
        steps.append(dict(zip(names, element.elts, strict=True)))
    return steps if len(set(names)) == len(names) else None


def _is_safe(function: Function, node: ast.For) -> bool:
    bound = bound_names(node.body)
    for step in _values(node) or ():
        for value in step.values():
            if isinstance(value, ast.Name) and value.id in (bound | step.keys()):
                return False
            if not function.is_fixed(value) and not is_module_attribute(function, value):
                return False
    targets = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    if targets & (bound | captured_names(function.node)) or not all(map(function.scope.is_local, targets)):
        return False
    within = {id(part) for part in ast.walk(node)}
    return all(
        id(part) in within for part in ast.walk(function.node) if isinstance(part, ast.Name) and part.id in targets
    )


def _rewrite(rewriter: Rewriter, node: ast.For) -> None:
    lines: list[str] = []
    for step in _values(node) or ():
        for statement in node.body:
            changed = _Substitution(step).visit(copy.deepcopy(statement))
            lines += ast.unparse(ast.fix_missing_locations(changed)).split("\n")
    rewriter.replace_statement(node, lines)


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._values[node.id]) if node.id in self._values else node


KIND = UnrollLiteralLoop()
