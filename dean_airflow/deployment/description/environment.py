"""Environment variables with where each was set, and env files, which set them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dean_airflow.deployment.description.interpolation import MAX_FILLED, Use, fill
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place, Problem

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.\-\[\]]*)\s*(?:=|:\s)[ \t]*")
_BARE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*(?:#.*)?$")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True, slots=True)
class Variable:
    """`raw` is the value as written, `uses` what was filled into it."""

    name: str
    value: str
    place: Place
    raw: str = ""
    uses: tuple[Use, ...] = ()

    @property
    def source(self) -> Variable:
        """Where the value really stands: followed through a value that is only `${X}`."""
        if len(self.uses) != 1:
            return self
        use = self.uses[0]
        if use.variable is None or use.outcome != "set" or (use.start, use.end) != (0, len(self.value)):
            return self
        return use.variable.source if self.value else self

    @property
    def is_reference(self) -> bool:
        return self.source is not self

    def literal(self, start: int, end: int) -> bool:
        """Whether that part of the value was written here rather than filled in."""
        return not any(use.start < end and start < use.end for use in self.uses if use.outcome == "set")


@dataclass
class EnvFile:
    """An env file: its variables in order, the last of a name winning, and what is wrong with it."""

    source: Source
    variables: list[Variable] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def by_name(self) -> dict[str, Variable]:
        return {variable.name: variable for variable in self.variables}


def parse_env_file(
    source: Source, outer: Mapping[str, Variable] | None = None, *, raw: bool = False, literal: bool = False
) -> EnvFile:
    """Reads an env file as compose does: quotes, comments, `export`, references to what was set before.

    `outer` is what its references may name besides; `raw` takes every value as it stands, `literal` without filling
    references in. Never raises.
    """
    parsed = EnvFile(source)
    known = dict(outer or {})
    text = source.text
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        row = text[at:end]
        stripped = row.strip()
        if not stripped or stripped.startswith("#"):
            at, line = end + 1, line + 1
            continue
        match = _ASSIGNMENT.match(row)
        if match is None:
            if _BARE.match(row) is None:
                what = f"Line {line} of {source.name} is no NAME=value."
                parsed.problems.append(Problem("M44", source.at(line), what))
            at, line = end + 1, line + 1
            continue
        start = at + match.end()
        quote = text[start : start + 1] if not raw else ""
        if quote in ("'", '"') and quote:
            closing = _closing(text, start + 1, quote)
            if closing is None:
                what = f"The value of {match.group(1)} in {source.name} opens a quote that is never closed."
                parsed.problems.append(Problem("M44", source.at(line), what))
                closing = end
            inner = text[start + 1 : closing]
            variable = _quoted(match.group(1), inner, quote, source.at(line), None if literal else known)
            end = text.find("\n", closing)
            end = len(text) if end < 0 else end
        else:
            written = row[match.end() :] if raw else _without_comment(row[match.end() :])
            variable = _unquoted(match.group(1), written.strip(), source.at(line), known, raw or literal)
        if variable.raw and not variable.value and not variable.uses and "$" in variable.raw:
            what = f"The variables in {variable.name} of {source.name} grow beyond {MAX_FILLED // 1024} KB."
            parsed.problems.append(Problem("M44", variable.place, what))
        parsed.variables.append(variable)
        known[variable.name] = variable
        line += text.count("\n", at, end) + 1
        at = end + 1
    return parsed


def _closing(text: str, at: int, quote: str) -> int | None:
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 2
            continue
        if text[at] == quote:
            return at
        at += 1
    return None


def _without_comment(text: str) -> str:
    if text.startswith("#"):
        return ""
    return re.split(r"\s#", text, maxsplit=1)[0]


def _quoted(name: str, inner: str, quote: str, place: Place, known: Mapping[str, Variable] | None) -> Variable:
    if quote == "'":
        return Variable(name, inner, place, inner)
    unescaped = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), inner) if "\\" in inner else inner
    if known is None:
        return Variable(name, unescaped, place, inner)
    filled = fill(unescaped, known, dollars=False) if "\\$" not in inner else fill("", known)
    return Variable(name, filled.text if "\\$" not in inner else unescaped, place, inner, filled.uses)


def _unquoted(name: str, written: str, place: Place, known: Mapping[str, Variable], raw: bool) -> Variable:
    if raw:
        return Variable(name, written, place, written)
    filled = fill(written, known, dollars=False)
    return Variable(name, filled.text, place, written, filled.uses)
