"""SQL as statements with their lines: comments and texts out of the way, for looking at what a script names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dean_airflow.deployment.description.script import is_shell, parse_script
from dean_airflow.deployment.description.tree import Source

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|;|(?m:^\s*\\(?:c|connect)\b[^\n]*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` without comments; texts in quotes and dollar quotes stay. `line` is where its first word stands."""

    text: str
    line: int


def statements(source: Source) -> list[Statement]:
    """The statements of an SQL file, or of the heredocs of a shell script."""
    if is_shell(source):
        return [
            Statement(each.text, each.line + begun)
            for begun, _, body in parse_script(source).heredocs
            for each in split_sql(body)
        ]
    return split_sql(source.text)


def split_sql(text: str) -> list[Statement]:
    """Splits at semicolons outside texts, comments and dollar quotes; `\\c` is a statement of its own."""
    found: list[Statement] = []
    piece, begun, at = "", 0, 0

    def close() -> None:
        nonlocal piece
        if piece.strip():
            leading = len(piece) - len(piece.lstrip())
            found.append(Statement(piece.strip(), text.count("\n", 0, begun) + 1 + piece[:leading].count("\n")))
        piece = ""

    for match in _TOKEN.finditer(text):
        if not piece:
            begun = at
        piece += text[at : match.start()]
        token = match.group()
        at = match.end()
        if token == ";":
            close()
        elif token.lstrip().startswith("\\"):
            close()
            begun, piece = match.start(), token
            close()
        elif token.startswith("--") or token.startswith("/*"):
            piece += "\n" * token.count("\n")
        else:
            piece += token
    if not piece:
        begun = at
    piece += text[at:]
    close()
    return found


def line_in(statement: Statement, at: int) -> int:
    """The line of a character of a statement."""
    return statement.line + statement.text.count("\n", 0, at)
