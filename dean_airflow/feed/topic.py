"""One topic as a hub has it: how far it was told, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.listener import Listener
from dean_airflow.feed.position import Position
from dean_airflow.feed.source import Source

Run = Callable[..., Awaitable[Any]]
"""`await run(function, *arguments)`: what the function, which may wait for the store, returns or raises."""


class Topic:
    """Its lock is held by whoever moves `head`, so that nothing is read twice, or told out of order."""

    def __init__(self, name: str, source: Source, run: Run) -> None:
        self.name, self.source, self._run = name, source, run
        self.head: Position | None = None
        self.listeners: set[Listener] = set()
        self.joining = 0
        """How many are about to listen."""
        self.lock = asyncio.Lock()
        self.look_at = 0.0
        """When the store may be asked again, by the hub's clock."""
        self._replays: dict[Any, asyncio.Future[Sequence[Frame]]] = {}

    @property
    def wanted(self) -> bool:
        return bool(self.listeners or self.joining)

    async def advance(self) -> Sequence[Frame]:
        """What is new, in order; the head then stands after it. The caller holds the lock. Raises StoreError."""
        head, frames = await self._run(self._read, self.head)
        self.head = head
        self._replays.clear()
        return frames  # type: ignore[no-any-return]

    async def replay(self, after: Position | None, head: Position) -> Sequence[Frame]:
        """What came after a position up to `head`, or a snapshot; read once for all who come back at the same moment.

        Raises StoreError.
        """
        key = (_key(after), _key(head))
        reading = self._replays.get(key)
        if reading is None:
            reading = self._replays[key] = asyncio.ensure_future(self._run(self._read_again, after, head))
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be nobody's any more
        return await asyncio.shield(reading)

    def _read(self, known: Position | None) -> tuple[Position | None, Sequence[Frame]]:
        head = self.source.head()
        if head is None:
            return None, [self.source.gone()]
        if known is None or head == known:
            return head, []
        frames = self.source.between(known, head)
        return head, self.source.snapshot(head) if frames is None else frames

    def _read_again(self, after: Position | None, head: Position) -> Sequence[Frame]:
        if after is not None:
            if after == head:
                return []
            frames = self.source.between(after, head)
            if frames is not None:
                return frames
        return self.source.snapshot(head)


def _key(position: Position | None) -> Any:
    return None if position is None else (position.counts, tuple(sorted(position.islands.items())))
