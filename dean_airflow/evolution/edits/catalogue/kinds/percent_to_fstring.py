"""`%` formatting of a tuple as an f-string."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_FIELD = re.compile(r"%(?:%|(?P<kind>[sr]))")


class PercentToFstring(Kind):
    """`"%s=%r" % (a, b)` becomes `f"{a!s}={b!r}"`: the text is not parsed anew each time.

    Safe when the text is a literal with only `%s`, `%r` and `%%` in it, the right side is a tuple display with as many
    elements, none starred, and an element's source has no quotes, braces, backslashes, comments or line ends, which an
    f-string could not hold. `!s` and `!r` make `str` and `repr` of a value as `%` does, in the same order. An f-string
    does so before it computes the next element, so all but the first must be constants or variables.

        "%s: %s" % (rows[0], name)     →     f"{rows[0]!s}: {name!s}"
    """

    name = "percent_to_fstring"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if isinstance(node, ast.BinOp) and _fstring(function, node) is not None:
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _fstring(function: Function, node: ast.BinOp) -> str | None:
    match node:
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=ast.Tuple(elts=values)):
            pass
        case _:
            return None
    sources = [function.source(value) for value in values]
    if any(isinstance(value, ast.Starred) for value in values) or any(map(_cannot_be_held, values, sources)):
        return None
    if not all(map(function.is_fixed, values[1:])):
        return None
    if not text.isprintable() or "\\" in text or "%" in _FIELD.sub("", text):
        return None
    kinds = [match["kind"] for match in _FIELD.finditer(text) if match["kind"]]
    if len(kinds) != len(sources) or not kinds:
        return None
    quote = next((mark for mark in ('"', "'") if mark not in text), None)
    if quote is None:
        return None
    remaining = iter(sources)
    pieces = []
    position = 0
    for match in _FIELD.finditer(text):
        pieces.append(_literal(text[position : match.start()]))
        pieces.append(f"{{{next(remaining)}!{match['kind']}}}" if match["kind"] else "%")
        position = match.end()
    pieces.append(_literal(text[position:]))
    return f"f{quote}{''.join(pieces)}{quote}"


def _cannot_be_held(value: ast.expr, source: str) -> bool:
    unusual = isinstance(value, ast.Lambda | ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.IfExp | ast.Tuple)
    return unusual or any(mark in source for mark in "\"'{}\\#!\n\r")


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _rewrite(rewriter: Rewriter, node: ast.BinOp) -> None:
    code = _fstring(rewriter.function, node)
    assert code is not None
    rewriter.replace(node, code)


KIND = PercentToFstring()
