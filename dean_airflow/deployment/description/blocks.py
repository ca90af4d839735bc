"""Configurations of directives and blocks in braces, as nginx and Caddy write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

_TOKEN = re.compile(r"#[^\n]*|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?:\$\{[^}]*\}|[^\s{};\"'])+|[{};]|\s+")


_DEEPEST = 100
"""Blocks in blocks; what is opened beyond is taken for one on the same level."""


@dataclass
class Block:
    """A directive: its name, the rest of it, and what is in its braces."""

    name: str
    argument: str
    place: Place
    parent: Block | None = None
    children: list[Block] = field(default_factory=list)

    def walk(self) -> Iterator[Block]:
        for child in self.children:
            yield child
            yield from child.walk()


def parse_blocks(source: Source, *, lines_end: bool = False) -> Block:
    """The directives of a file below a nameless root. `lines_end`: a line's end ends a directive, as Caddy has it."""
    root = Block("", "", source.at(1))
    current, line, begun, depth = root, 1, 1, 0
    words: list[str] = []
    glued = False

    def close(opens: bool) -> None:
        nonlocal current, depth, words
        if words or opens:
            block = Block(words[0] if words else "", " ".join(words[1:]), source.at(begun), current)
            current.children.append(block)
            if opens and depth < _DEEPEST:
                current, depth = block, depth + 1
        words = []

    for match in _TOKEN.finditer(source.text):
        token = match.group()
        if token.isspace():
            if lines_end and "\n" in token and words:
                close(False)
            glued = False
        elif token.startswith("#"):
            glued = False
        elif token == ";":
            close(False)
            glued = False
        elif token == "{":
            close(True)
            glued = False
        elif token == "}":
            close(False)
            current, depth = (current.parent, depth - 1) if current.parent is not None else (root, 0)
            glued = False
        else:
            if not words:
                begun = line
            if glued and words:
                words[-1] += token
            else:
                words.append(token)
            glued = True
        line += token.count("\n")
    close(False)
    return root
