"""Stepping over characters one by one, as one step of a compiled pattern."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


class ScanToRegex(Kind):
    """A loop `while i < len(s) and s[i] in "...": i += 1` gets a step before it that does the same for ordinary
    strings at once, by a pattern compiled at import. The loop stays, and then has nothing left to do.

    Safe because the step is made only when the text is exactly a `str` and the index exactly an `int` inside it, and
    both are variables of the function; it moves the index to where the loop would stop. The characters are a literal,
    asked for by `in`, `not in`, `==` or `!=`; `len` and `type` are the built-ins. Worth it where runs are long.

        while i < len(s) and s[i] in " \\t":     →     if type(s) is str and type(i) is int and 0 <= i < len(s):
            i += 1                                         i = _scan.match(s, i).end()
                                                       while i < len(s) and s[i] in " \\t":
                                                           i += 1
    """

    name = "scan_to_regex"

    def find(self, function: Function) -> Iterator[Match]:
        if not all(map(function.is_builtin, ("len", "type", "str", "int"))):
            return
        for node in function.nodes:
            scan = _scan(node)
            if scan is None or not isinstance(node, ast.While) or not function.starts_line(node):
                continue
            text, index, length, _ = scan
            if not function.is_builtin_call(length, "len") or function.in_nested_scope(node):
                continue
            if all(
                function.scope.is_local(name) and name not in function.unit.nonlocal_names for name in (text, index)
            ):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _scan(node: ast.AST) -> tuple[str, str, ast.expr, str] | None:
    """The text, the index, the call of `len` and the pattern of what is stepped over."""
    match node:
        case ast.While(
            test=ast.BoolOp(
                op=ast.And(),
                values=[
                    ast.Compare(left=ast.Name(id=index), ops=[ast.Lt()], comparators=[ast.Call() as length]),
                    ast.Compare(
                        left=ast.Subscript(value=ast.Name(id=text), slice=ast.Name(id=position)),
                        ops=[operator],
                        comparators=[ast.Constant(value=str(characters))],
                    ),
                ],
            ),
            body=[
                ast.AugAssign(target=ast.Name(id=counted), op=ast.Add(), value=ast.Constant(value=1) as one),
            ],
            orelse=[],
        ) if index == position == counted and text != index and type(one.value) is int:
            match length:
                case ast.Call(args=[ast.Name(id=measured)], keywords=[]) if measured == text:
                    pattern = _pattern(operator, characters)
                    return None if pattern is None else (text, index, length, pattern)
    return None


def _pattern(operator: ast.cmpop, characters: str) -> str | None:
    if isinstance(operator, ast.Eq | ast.NotEq) and len(characters) != 1:
        return None
    if not characters or not isinstance(operator, ast.In | ast.NotIn | ast.Eq | ast.NotEq):
        return None
    inside = re.sub(r"([\\\[\]^-])", r"\\\1", "".join(dict.fromkeys(characters)))
    return f"[{'^' if isinstance(operator, ast.NotIn | ast.NotEq) else ''}{inside}]*"


def _rewrite(rewriter: Rewriter, node: ast.While) -> None:
    function = rewriter.function
    scan = _scan(node)
    assert scan is not None
    text, index, _, pattern = scan
    module = "re"
    if function.module.imported_module("re", function.unit.definition.top_line) != "re" or not function.is_global("re"):
        module = "_re"
        rewriter.module_statement("import re as _re")
    compiled = rewriter.hoist("scan", f"{module}.compile({pattern!r})")
    head = f"if type({text}) is str and type({index}) is int and 0 <= {index} < len({text}):"
    step = f"{function.indent_step}{index} = {compiled}.match({text}, {index}).end()"
    rewriter.insert_before(node, [head, step])


KIND = ScanToRegex()
