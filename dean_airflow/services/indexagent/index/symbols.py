"""Symbols of a source file by pattern, for many languages: where a name is defined, as well as a line can tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".tsx": "typescript", ".java": "java", ".kt": "kotlin", ".go": "go", ".rs": "rust",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".cs": "csharp", ".rb": "ruby", ".php": "php",
    ".scala": "scala", ".swift": "swift", ".sh": "shell", ".sql": "sql", ".md": "markdown", ".rst": "restructuredtext",
    ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".html": "html", ".css": "css",
}  # fmt: skip
"""Suffix → language; any other is text."""

MOST = 2_000
"""Symbols of one file; a generated one may have more."""
_NAME_LENGTH = 200
_DEFINITION = re.compile(
    r"^[ \t]*(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub(?:\([a-z]+\))?|"
    r"unsafe|override|inline|virtual|sealed|data)[ \t]+)*"
    r"(?P<kind>def|class|function\*?|func|fn|struct|enum|trait|interface|type|module|namespace|impl|object)"
    r"[ \t]+(?:\([^)\n]*\)[ \t]*)?(?P<name>[A-Za-z_$][\w$]*)",
    re.MULTILINE,
)
_FUNCTIONS = {"def", "function", "function*", "func", "fn"}


@dataclass(frozen=True)
class Symbol:
    """`kind` is function, class, or the language's own word; `line` counts from 1."""

    name: str
    kind: str
    line: int


def language_of(path: str) -> str:
    return LANGUAGES.get(suffix_of(path), "text")


def suffix_of(path: str) -> str:
    """In lower case, with its dot; empty where there is none."""
    return PurePosixPath(path).suffix.lower()


def symbols_of(text: str) -> list[Symbol]:
    """The definitions that begin a line of the text, in order."""
    found: list[Symbol] = []
    line, counted = 1, 0
    for match in _DEFINITION.finditer(text):
        place, kind = match.start("name"), match["kind"]
        line, counted = line + text.count("\n", counted, place), place
        found.append(Symbol(match["name"][:_NAME_LENGTH], "function" if kind in _FUNCTIONS else kind, line))
        if len(found) >= MOST:
            break
    return found
