"""Regular expressions compiled once, at the module level."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_FLAGS_POSITION = {
    "match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4, "subn": 4,
}  # fmt: skip
_FLAG_NAMES = frozenset(
    {"A", "ASCII", "I", "IGNORECASE", "M", "MULTILINE", "S", "DOTALL", "U", "UNICODE", "X", "VERBOSE"}
)


class HoistRegex(Kind):
    """`re.compile(...)` of a constant, or `re.sub(constant, ...)` and its siblings, use a pattern compiled at import.

    Safe when `re` is the module, imported by a plain top-level import above the function, pattern and flags are
    constants (or a global string bound once, above), and the pattern compiles without an error or warning here, so
    that none moves from the call to the import. What is saved is the look-up in `re`'s cache on every call. A global
    bound once, above, to `re.compile(...)` is used directly: `re.match(WORD, text)` becomes `WORD.match(text)`.

        def words(text):                   _words_pattern = re.compile(r"\\w+")
            return re.findall(r"\\w+", text)    →
                                           def words(text):
                                               return _words_pattern.findall(text)
    """

    name = "hoist_regex"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            if not function.is_module(node.func.value, "re", before_top=True):
                continue
            method = node.func.attr
            if method in _FLAGS_POSITION and _flags_of(node, method) is None and _is_compiled(function, node.args[0]):
                yield Match(node, lambda rewriter, node=node: _call_method(rewriter, node))  # type: ignore[misc]
                continue
            flags = _flags_of(node, method)
            if flags is False or not _compiles(_constant(function, node.args[0]), flags):
                continue
            if method == "compile" and len(node.args) + len(node.keywords) <= 2:
                yield Match(node, lambda rewriter, node=node: _hoist_compile(rewriter, node))  # type: ignore[misc]
            elif method in _FLAGS_POSITION:
                yield Match(
                    node,
                    lambda rewriter, node=node, flags=flags: _hoist_call(rewriter, node, flags),  # type: ignore[misc]
                )


def _flags_of(node: ast.Call, method: str) -> ast.expr | bool | None:
    """The flags given (None: none); False when they, or how arguments are passed, cannot be told."""
    position = 1 if method == "compile" else _FLAGS_POSITION.get(method, 0)
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return False
    if any(word.arg in (None, "pattern") for word in node.keywords):
        return False
    given = [word.value for word in node.keywords if word.arg == "flags"] + node.args[position : position + 1]
    if len(node.args) > position + 1 or len(given) > 1:
        return False
    return given[0] if given else None


def _constant(function: Function, node: ast.expr) -> str | bytes | None:
    """The pattern's text: a literal, or a global bound once to one above the function."""
    if isinstance(node, ast.Name):
        node = function.global_value(node) or node
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value
    return None


def _is_compiled(function: Function, node: ast.expr) -> bool:
    """A global bound once, above, to `re.compile(...)`."""
    value = function.global_value(node)
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "compile"
        and function.is_module(value.func.value, "re", before_top=True)
    )


def _compiles(pattern: str | bytes | None, flags: ast.expr | bool | None) -> bool:
    value = _flag_value(flags) if isinstance(flags, ast.expr) else 0
    if pattern is None or value is None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern, value)
        except (re.error, ValueError, OverflowError, RecursionError, Warning):
            return False
    return True


def _flag_value(node: ast.expr) -> int | None:
    """The value of `re.I | re.X`, or of a literal 0; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = _flag_value(node.left), _flag_value(node.right)
        return None if left is None or right is None else left | right
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "re":
        return int(getattr(re, node.attr)) if node.attr in _FLAG_NAMES else None
    return 0 if isinstance(node, ast.Constant) and node.value == 0 else None


def _hoist_compile(rewriter: Rewriter, node: ast.Call) -> None:
    rewriter.replace(node, rewriter.hoist("pattern", rewriter.code(node)))


def _hoist_call(rewriter: Rewriter, node: ast.Call, flags: ast.expr | None) -> None:
    assert isinstance(node.func, ast.Attribute)
    given = [node.args[0]] + ([flags] if flags is not None else [])
    compiled = f"{rewriter.code(node.func.value)}.compile({', '.join(rewriter.code(part) for part in given)})"
    _call_method(rewriter, node, rewriter.hoist("pattern", compiled), flags)


def _call_method(rewriter: Rewriter, node: ast.Call, pattern: str | None = None, flags: ast.expr | None = None) -> None:
    """`re.method(pattern, ...)` as `pattern.method(...)`, laid out as before where no flags are dropped."""
    function = rewriter.function
    assert isinstance(node.func, ast.Attribute)
    method = f"{pattern or rewriter.code(node.args[0])}.{node.func.attr}("
    rest = [argument for argument in node.args[1:] if argument is not flags]
    words = [word for word in node.keywords if word.value is not flags]
    first, _ = function.unit.positions.span(node)
    _, function_end = function.unit.positions.span(node.func)
    if flags is None and (rest or words):
        start, _ = function.unit.positions.span(rest[0] if rest else words[0])
        if "#" not in function.unit.text[function_end:start]:
            rewriter.replace_span(first, start, method)
            return
    texts = [rewriter.code(argument) for argument in rest]
    texts += [f"{word.arg}={rewriter.code(word.value)}" for word in words]
    rewriter.replace(node, f"{method}{', '.join(texts)})")


KIND = HoistRegex()
