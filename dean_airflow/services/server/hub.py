"""Who listens on sockets, and what each still has to be sent. Plain Python: a test needs no server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

QUEUE = 100
"""Frames a client may be behind; one that falls back further is dropped, and nobody waits for it."""


class Listener:
    """One client. `topic` is the only thing it hears of, None for all."""

    def __init__(self, topic: str | None) -> None:
        self.topic = topic
        self._queue: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue(QUEUE + 1)

    async def next(self) -> tuple[int, str] | None:
        """The next frame with its number within its topic; None once the client was dropped."""
        return await self._queue.get()

    def offer(self, number: int, text: str) -> bool:
        """Whether it is still listening: False when it had fallen behind, and hears nothing more."""
        if self._queue.qsize() >= QUEUE:
            self._queue.put_nowait(None)
            return False
        self._queue.put_nowait((number, text))
        return True


class Hub:
    """Hands each frame to all who listen, without waiting for any of them."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.dropped = 0
        """How many clients were too slow."""

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listening(self, topic: str | None = None) -> Iterator[Listener]:
        listener = Listener(topic)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, topic: str, number: int, text: str) -> None:
        """A frame of a topic; `number` grows within the topic."""
        for listener in list(self._listeners):
            if listener.topic in (None, topic) and not listener.offer(number, text):
                self._listeners.discard(listener)
                self.dropped += 1
