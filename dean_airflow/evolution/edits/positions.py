"""Character offsets for the line and column numbers of `ast`, and the lines of a text as Python counts them."""

from __future__ import annotations

import ast
import re

_LINE_END = re.compile(r"\r\n|\r|\n")


class Positions:
    """The line table of one text. Columns of `ast` count UTF-8 bytes; offsets count characters of the text."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        """`first_line` is the number `ast` gives to the text's first line."""
        self.text = text
        self._first_line = first_line
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def offset(self, line: int, column: int) -> int:
        start = self.line_start(line)
        if column == 0:
            return start
        piece = self.text[start : start + column]
        if piece.isascii():
            return start + column
        return start + len(piece.encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Start and end of a node that has a position (expressions, statements, arguments, handlers)."""
        return (
            self.offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def line_start(self, line: int) -> int:
        """Start of a line by the number `ast` gives it; one past the last line is the end of the text."""
        index = line - self._first_line
        return self._starts[index] if index < len(self._starts) else len(self.text)

    def line_start_at(self, offset: int) -> int:
        """Start of the line that holds a character."""
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1


def newline_of(text: str) -> str:
    """How the text ends its lines, judged by its first."""
    match = _LINE_END.search(text)
    return match.group() if match else "\n"
