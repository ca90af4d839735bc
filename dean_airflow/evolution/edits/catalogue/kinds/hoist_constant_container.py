"""Dictionaries, lists and sets of constants built once, at the module level."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.frozen_use import is_only_read, loads_of
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_FEWEST_ELEMENTS = 2


class HoistConstantContainer(Kind):
    """A display of constants that is only read is built at import instead of on every call.

    Elements may be literals, built-ins, `type(None)`, globals bound once above the function, and tuples of these.
    Safe when nothing can change the container or get hold of it: it is looked up, iterated, tested with `in`, or
    given a name that is bound once and only used so. (Tuples of literals are constants for the compiler already,
    as are lists and sets right of `in`: they are left alone.)

        def rank(kind):                         _rank_ranks = {int: 1, float: 2}
            ranks = {int: 1, float: 2}     →    def rank(kind):
            return ranks.get(kind, 0)               ranks = _rank_ranks
                                                    return ranks.get(kind, 0)
    """

    name = "hoist_constant_container"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Dict | ast.List | ast.Set | ast.Tuple):
                continue
            if isinstance(node, ast.List | ast.Tuple) and not isinstance(node.ctx, ast.Load):
                continue
            elements = _elements(node)
            if len(elements) < _FEWEST_ELEMENTS or not all(_is_constant(function, item) for item in elements):
                continue
            if isinstance(node, ast.Tuple) and (
                all(isinstance(item, ast.Constant) for item in elements)
                or isinstance(function.parent(node), ast.Dict | ast.List | ast.Set | ast.Tuple | ast.ExceptHandler)
            ):
                continue
            if self._is_folded_already(function, node) or not self._is_frozen(function, node):
                continue
            yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]

    def _is_folded_already(self, function: Function, node: ast.expr) -> bool:
        parent = function.parent(node)
        return (
            isinstance(parent, ast.Compare)
            and isinstance(parent.ops[-1], ast.In | ast.NotIn)
            and all(isinstance(item, ast.Constant) for item in _elements(node))
        )

    def _is_frozen(self, function: Function, node: ast.expr) -> bool:
        """A tuple cannot change; anything else must only be read, in place or through one name."""
        parent = function.parent(node)
        if isinstance(node, ast.Tuple) or is_only_read(function, node):
            return True
        if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
            return False
        target = parent.targets[0]
        return (
            isinstance(target, ast.Name)
            and function.is_variable(target)
            and target.id not in function.scope.parameters
            and len(function.scope.bindings[target.id]) == 1
            and all(is_only_read(function, use) for use in loads_of(function, target.id))
        )


def _elements(node: ast.expr) -> list[ast.expr | None]:
    """What a display holds; None stands for `**mapping`."""
    if isinstance(node, ast.Dict):
        return [*node.keys, *node.values]
    assert isinstance(node, ast.List | ast.Set | ast.Tuple)
    return [*node.elts]


def _is_constant(function: Function, node: ast.expr | None) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Tuple(elts=elements):
            return all(_is_constant(function, element) for element in elements)
        case ast.Call(args=[ast.Constant(value=None)], keywords=[]):
            return function.is_builtin_call(node, "type")
        case ast.Name(id=name):
            if function.is_builtin(name):
                return True
            binding = function.module.binding_of(name) if function.is_global(name) else None
            return binding is not None and function.module.is_above(binding, function.unit.definition.top_line)
    return False


def _rewrite(rewriter: Rewriter, node: ast.expr) -> None:
    function = rewriter.function
    parent = function.parent(node)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    hint = target.id if isinstance(target, ast.Name) else "constants"
    code = rewriter.code(node)
    statement = function.statement_of(node)
    indent = function.indent_of(statement) if function.starts_line(statement) else ""
    multiline_string = any(isinstance(part, ast.Constant) and part.end_lineno != part.lineno for part in ast.walk(node))
    if not multiline_string:
        code = "\n".join(line.removeprefix(indent) for line in code.replace("\r\n", "\n").split("\n"))
    if isinstance(node, ast.Tuple) and not code.startswith("("):
        code = f"({code})"
    rewriter.replace(node, rewriter.hoist(hint, code.replace("\n", function.module.newline)))


KIND = HoistConstantContainer()
