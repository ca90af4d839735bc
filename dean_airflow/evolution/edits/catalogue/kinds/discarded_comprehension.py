"""A comprehension run for its effects only, as the loop it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.rename import can_rename, renamed
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class DiscardedComprehension(Kind):
    """A list comprehension whose value is thrown away becomes a loop, and `setattr` with a literal name in it an
    assignment: no list of results, no call.

    Safe when the comprehension is a statement by itself with one `for`, not async, and its variable can be renamed to
    a fresh one. `setattr` must be the built-in, given an identifier that is not mangled in a class (no leading double
    underscore); in `setattr(x, "a", v)` and `x.a = v` the value is computed after `x` in one and before it in the
    other, so `x` must be the comprehension's own variable.

        [setattr(child, "parent", self) for child in children]     →     for _child in children:
                                                                             _child.parent = self
    """

    name = "discarded_comprehension"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.ListComp):
                continue
            if len(node.value.generators) == 1 and can_rename(node.value) and function.owns_lines(node):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _set_attribute(function: Function, node: ast.expr, variable: ast.expr) -> tuple[str, ast.expr] | None:
    """The attribute and its value of `setattr(variable, "name", value)`."""
    if not function.is_builtin_call(node, "setattr") or node.keywords or len(node.args) != 3:
        return None
    match node.args:
        case [ast.Name(id=name), ast.Constant(value=str(attribute)), value] if (
            isinstance(variable, ast.Name) and variable.id == name and not isinstance(value, ast.Starred)
        ):
            is_name = attribute.isidentifier() and attribute.isascii() and not attribute.startswith("__")
            return (attribute, value) if is_name else None
    return None


def _rewrite(rewriter: Rewriter, node: ast.Expr) -> None:
    function = rewriter.function
    comprehension = node.value
    assert isinstance(comprehension, ast.ListComp)
    clause = comprehension.generators[0]
    attribute = _set_attribute(function, comprehension.elt, clause.target)
    rename = renamed(rewriter, comprehension)
    lines = [f"for {rename(clause.target)} in {rewriter.value(clause.iter)}:"]
    indent = function.indent_step
    for test in clause.ifs:
        lines.append(f"{indent}if {rename(test)}:")
        indent += function.indent_step
    if attribute is None:
        lines.append(f"{indent}{rename(comprehension.elt)}")
    else:
        name, value = attribute
        lines.append(f"{indent}{rename(clause.target)}.{name} = {rename(value)}")
    rewriter.replace_statement(node, lines)


KIND = DiscardedComprehension()
