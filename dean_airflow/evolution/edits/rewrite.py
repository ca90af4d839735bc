"""Collects the replacements of one transformation and splices them in: bytes outside them stay as they are."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import replace

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.analysis.scope import names_in
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.unit import Unit

_ATOMS = (
    ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr,
)  # fmt: skip


class Rewriter:
    """Edits one unit on behalf of a kind. Text handed in uses `\\n` and no indentation of its own: statements get the
    indentation of the place and the file's line ends. Comments inside replaced code that the new code does not
    repeat move to lines of their own above the statement, so none is ever lost."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.unit = function.unit
        self._pieces: list[tuple[int, int, str]] = []
        self._header: list[str] = list(self.unit.header)
        self._names: set[str] = set()

    # reading

    def code(self, node: ast.AST) -> str:
        """The node's text, with the replacements made inside it so far."""
        return self._between(*self.unit.positions.span(node))

    def operand(self, node: ast.expr) -> str:
        """The node's text, in parentheses unless it is an atom: safe as an operand of anything, on any line."""
        code = self.code(node)
        if isinstance(node, _ATOMS) and not isinstance(node, ast.Constant | ast.JoinedStr):
            return code if "\n" not in code or code[0] in "([{" else f"({code})"
        if isinstance(node, ast.Constant) and "\n" not in code and " " not in code:
            return code
        return code if _is_enclosed(node, code) else f"({code})"

    def value(self, node: ast.expr) -> str:
        """The node's text fit to stand alone after `name = `: in parentheses where it spans lines or needs them."""
        code = self.code(node)
        if isinstance(node, ast.NamedExpr | ast.Yield | ast.YieldFrom):
            return f"({code})"
        return f"({code})" if "\n" in code and not _is_enclosed(node, code) else code

    # names and module-level statements

    def fresh(self, hint: str) -> str:
        """A name nothing in the file uses yet, made from the hint."""
        stem = "_" + hint.strip("_") if hint.strip("_") else "_value"
        name, number = stem, 1
        while name in self.unit.taken or name in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name)
        return name

    def hoist(self, hint: str, expression: str) -> str:
        """Put `name = expression` at the module level before this function and return the name, made from the
        function's and the hint; the same expression hoisted before is used again."""
        for statement in self._header:
            name, _, value = statement.partition(" = ")
            if value == expression and name.isidentifier():
                return name
        owner = self.unit.definition.qualname.replace(".", "_").strip("_")
        name = self.fresh(f"{owner}_{hint}")
        self._header.append(f"{name} = {expression}")
        return name

    def hoist_import(self, dotted: str) -> str:
        """Import a module at the module level before this function, under a name of its own; the name."""
        for statement in self._header:
            if statement.startswith(f"import {dotted} as "):
                return statement.rsplit(" ", 1)[1]
        owner = self.unit.definition.qualname.replace(".", "_").strip("_")
        name = self.fresh(f"{owner}_{dotted.replace('.', '_')}")
        self._header.append(f"import {dotted} as {name}")
        return name

    def module_statement(self, statement: str) -> None:
        """Put a statement at the module level before this function, once."""
        if statement not in self._header:
            self._header.append(statement)
            self._names |= names_in([ast.parse(statement)])

    def attempt(self, rewrite: Callable[[Rewriter], None]) -> EditError | None:
        """Make a change whole or not at all; the error that stopped it, or None."""
        state = list(self._pieces), list(self._header), set(self._names)
        try:
            rewrite(self)
        except EditError as error:
            self._pieces, self._header, self._names = state
            return error
        return None

    # writing

    def replace(self, node: ast.AST, code: str) -> None:
        self.replace_span(*self.unit.positions.span(node), code)

    def insert_before(self, statement: ast.stmt, lines: Sequence[str], above_comments: bool = False) -> None:
        """New statements above one that starts its line (`Function.starts_line`); relative indentation in the lines
        is kept. `above_comments`: above the comment lines attached to it, too."""
        start, _ = self.unit.positions.span(statement)
        at = self.unit.positions.line_start_at(start)
        text = self._indented(lines, self.unit.text[at:start])
        while above_comments and at:
            line = self.unit.positions.line_start_at(at - (2 if self.unit.text[:at].endswith("\r\n") else 1))
            if not self.unit.text[line:at].lstrip(" \t").startswith("#"):
                break
            at = line
        self._pieces.append((at, at, text))

    def insert_after(self, statement: ast.stmt, lines: Sequence[str]) -> None:
        """New statements below one that owns its lines (`Function.owns_lines`), at its indentation."""
        at = self.unit.positions.line_start((statement.end_lineno or statement.lineno) + 1)
        text = self._indented(lines, self.function.indent_of(statement))
        if at == len(self.unit.text) and not self.unit.text.endswith(("\n", "\r")):
            text = self.unit.module.newline + text.removesuffix(self.unit.module.newline)
        self._pieces.append((at, at, text))

    def replace_statement(self, statement: ast.stmt, lines: Sequence[str]) -> None:
        """Other statements in the place of one that starts its line; what follows it on its last line (a comment)
        stays."""
        start, end = self.unit.positions.span(statement)
        indent = self.function.indent_of(statement)
        text = self._indented(lines, indent).removesuffix(self.unit.module.newline).removeprefix(indent)
        self.replace_span(start, end, text)

    def replace_span(self, start: int, end: int, code: str) -> None:
        """Raises EditError when the span cuts through an earlier replacement."""
        kept = []
        for piece in self._pieces:
            first, last, _ = piece
            inside = start <= first and last <= end and (first, last) != (start, start)
            if first == last and first in (start, end):
                inside = False
            if not inside:
                if first < end and start < last:
                    raise EditError("Two changes of the edit overlap.")
                kept.append(piece)
        self._pieces = [*kept, (start, end, self._newlines(code))]

    def finish(self) -> Unit:
        """The unit with everything made. Raises EditError when the result does not parse."""
        self._keep_comments()
        text = self._between(0, len(self.unit.text), ends=True)
        unit = replace(self.unit, text=text, header=tuple(self._header))
        unit.tree  # noqa: B018 - parsing is the check
        return unit

    # helpers

    def reindent(self, statements: Sequence[ast.stmt], levels: int = 1) -> list[str]:
        """The lines of consecutive statements of one block (comments between them included), moved `levels` steps
        in relative to where they are, first line's indentation removed: ready to be put under a new head. Raises
        EditError when a string spans lines, because its text would change."""
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
                    raise EditError("A string spans lines: the block cannot be moved.")
        start, _ = self.unit.positions.span(statements[0])
        first = self.unit.positions.line_start_at(start)
        end = self.unit.positions.line_start((statements[-1].end_lineno or 0) + 1)
        indent = self.unit.text[first:start]
        step = self.function.indent_step * levels
        lines = self._between(first, end, ends=True).replace("\r\n", "\n").rstrip("\n").split("\n")
        return [step + line.removeprefix(indent) if line.strip() else "" for line in lines]

    def _between(self, start: int, end: int, ends: bool = False) -> str:
        """`ends`: insertions at the two ends of the span belong to it."""
        pieces: list[str] = []
        at = start
        for first, last, code in sorted(self._pieces, key=lambda piece: piece[:2]):
            if first < start or last > end or (first == last and not ends and first in (start, end)):
                continue
            pieces += [self.unit.text[at:first], code]
            at = last
        return "".join([*pieces, self.unit.text[at:end]])

    def _indented(self, lines: Sequence[str], indent: str) -> str:
        newline = self.unit.module.newline
        return "".join((indent + line if line else "") + newline for line in lines)

    def _newlines(self, code: str) -> str:
        return code.replace("\r\n", "\n").replace("\n", self.unit.module.newline)

    def _keep_comments(self) -> None:
        text = self.unit.text
        written = "".join([*self._header, *(code for _, _, code in self._pieces)])
        lost: list[tuple[int, str]] = []
        for start, end, _ in self._pieces:
            if "#" in text[start:end]:
                lost += [
                    (start, comment)
                    for at, comment in _comments(self.unit)
                    if start <= at < end and comment not in written
                ]
        for start, comment in lost:
            statement = self._statement_at(start)
            first, _ = self.unit.positions.span(statement)
            at = self.unit.positions.line_start_at(first)
            if text[at:first].strip():
                raise EditError("A comment would be lost.")
            self._pieces.append((at, at, text[at:first] + comment + self.unit.module.newline))

    def _statement_at(self, offset: int) -> ast.stmt:
        found: ast.stmt = self.function.node
        for node in ast.walk(self.function.node):
            if isinstance(node, ast.stmt):
                start, end = self.unit.positions.span(node)
                if start <= offset < end:
                    found = node
        return found


def _comments(unit: Unit) -> list[tuple[int, str]]:
    """Offsets and texts of the unit's comments."""
    found = []
    reader = io.StringIO(unit.parsed_text, newline="").readline
    lines = {}
    try:
        for token in tokenize.generate_tokens(reader):
            if token.type == tokenize.COMMENT:
                lines[token.start] = token.string.rstrip("\r\n")
    except (tokenize.TokenError, IndentationError) as error:
        raise EditError(f"Comments cannot be told from code: {error}.") from error
    for (line, column), comment in lines.items():
        found.append((unit.positions.line_start(line) + column, comment))
    return found


def _is_enclosed(node: ast.expr, code: str) -> bool:
    """The text begins and ends with brackets that belong together."""
    if isinstance(node, ast.Tuple):  # `(a), (b)` is not, `(a, b)` is: only the latter makes a call
        return code.startswith("(") and isinstance(ast.parse("_" + code, mode="eval").body, ast.Call)
    return isinstance(
        node, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    )
