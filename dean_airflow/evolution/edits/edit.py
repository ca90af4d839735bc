"""An edit: one small change to one function (or file) of the target, with a text form that parses back to itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dean_airflow.errors import EditError

Label = Literal["preserving", "behavioural"]

_TEXT = re.compile(
    r"(?P<source>[a-z]+)\.(?P<kind>[a-zA-Z0-9_-]+) (?P<path>[^\s:]+)::(?P<function>[^\s#]*)#(?P<site>\S+)"
    r"(?: (?P<detail>.+))?"
)


@dataclass(frozen=True, order=True)
class Edit:
    """One change, named by where it applies in the *baseline* source and by what it does.

    `source` is the name of the edit source that understands it (`catalogue`, `ruff`, `generic`, ...), `kind` the
    transformation, `path` the file relative to the project with forward slashes, `function` the dotted qualified
    name of the function it works in (`Class.method`, `outer.<locals>.inner`; empty: the module level), `site` either
    `*` (every matching place of that function: a bundle) or the ordinal of one matching place, counted from 0 in the
    order of the baseline's source, `detail` whatever else the kind needs (one line, may be empty).
    """

    source: str
    kind: str
    path: str
    function: str
    site: str = "*"
    detail: str = ""
    label: Label = "preserving"

    def __str__(self) -> str:
        text = f"{self.source}.{self.kind} {self.path}::{self.function}#{self.site}"
        if self.detail:
            text += f" {self.detail}"
        return text if self.label == "preserving" else f"~{text}"

    @classmethod
    def parse(cls, text: str) -> Edit:
        """The edit whose `str()` is `text`; a leading `~` marks a behavioural one. Raises EditError."""
        label: Label = "behavioural" if text.startswith("~") else "preserving"
        match = _TEXT.fullmatch(text.removeprefix("~"))
        if match is None:
            raise EditError(
                f"{text!r} is not an edit: expected 'source.kind path::function#site detail', "
                "for example 'catalogue.hoist_regex pkg/mod.py::parse#*'."
            )
        parts = match.groupdict()
        return cls(**{**parts, "detail": parts["detail"] or ""}, label=label)


Genome = tuple[Edit, ...]
"""An ordered list of edits: what makes a candidate."""
