"""Positions: how far a topic has been told, in sequence numbers of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TEXT = re.compile(r"([0-9a-f]{1,16})((?:\.\d{1,18})+)(?:\.((?:\d{1,6}:\d{1,12},)*\d{1,6}:\d{1,12}))?")
LONGEST = 4096
"""Characters of a position's text: a trial of hundreds of islands."""


@dataclass(frozen=True)
class Position:
    """`counts` are the numbers last told, one for each sequence of the topic; `islands` those of a trial's islands,
    which number their evaluations each for itself (the number of evaluations told; an island without any is not there).
    """

    counts: tuple[int, ...]
    islands: Mapping[int, int] = field(default_factory=dict)

    def covers(self, other: Position) -> bool:
        """Whether everything up to `other` is told at this position, too."""
        return (
            len(self.counts) == len(other.counts)
            and all(mine >= its for mine, its in zip(self.counts, other.counts, strict=True))
            and all(self.islands.get(island, 0) >= told for island, told in other.islands.items())
        )

    def text(self, store: str) -> str:
        """As clients keep it; `store` is the id of the store whose numbers these are."""
        parts = [_short(store), *map(str, self.counts)]
        if self.islands:
            parts.append(",".join(f"{island}:{told}" for island, told in sorted(self.islands.items())))
        return ".".join(parts)


def read_position(text: str, store: str) -> Position | None:
    """The position of a text; None for that of another store, and for what is none."""
    match = _TEXT.fullmatch(text) if len(text) <= LONGEST else None
    if match is None or match[1] != _short(store):
        return None
    islands = dict(_pair(part) for part in match[3].split(",")) if match[3] else {}
    return Position(tuple(int(number) for number in match[2][1:].split(".")), islands)


def _pair(text: str) -> tuple[int, int]:
    island, _, told = text.partition(":")
    return int(island), int(told)


def _short(store: str) -> str:
    return store.replace("-", "")[:8].lower()
