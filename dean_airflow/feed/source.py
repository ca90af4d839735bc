"""What a topic is read from. Everything here may wait for the store, so it runs in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position


class Source(Protocol):
    """One topic. Every method may raise StoreError."""

    dag: str | None
    """The DAG whose runs a subscriber must be allowed to read; None: those of DEAN's own trials."""

    pause: float
    """Seconds between two looks at the store for it."""

    def head(self) -> Position | None:
        """Where the topic stands now; None: what it is about does not exist, or not any more."""
        ...

    def snapshot(self, head: Position) -> Sequence[Frame]:
        """The topic as a whole as of `head`, and nothing that is newer where that would be told again."""
        ...

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        """What came after `after` up to `until`, both of this topic, in order; the last frame's position is `until`.

        None where that cannot be told any more.
        """
        ...

    def gone(self) -> Frame:
        """What is told when the topic has ceased to exist."""
        ...


class Sources(Protocol):
    """Where topics come from."""

    def open(self, topic: str) -> Source:
        """The source of a topic. Raises UnknownTopic for what is none."""
        ...


class NotThere(Exception):
    """What a topic is about does not exist, or not for this client; `args[0]` is a sentence for it."""


class UnknownTopic(NotThere):
    """There is no topic of that name."""
