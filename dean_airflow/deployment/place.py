"""Where something stands: a file of the deployment and a line of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """`file` is relative to the deployment's directory; `line` counts from 1, None where the whole file is meant."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What reading the description came across that a check must report: the check's id, where, and what it is."""

    check: str
    place: Place
    what: str
