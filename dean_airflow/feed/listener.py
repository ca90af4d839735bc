"""One who listens: what is still to be sent, in order, and why it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dean_airflow.feed.frame import Frame

QUEUE = 100
"""Frames a client may be behind; one that falls back further is dropped, and nobody waits for it."""
TOO_SLOW = 1013
"""Close code: try again later."""


@dataclass(frozen=True)
class End:
    """Why there is nothing more to send: a close code of a WebSocket, and a sentence of at most 120 bytes."""

    code: int
    reason: str


class Listener:
    """Filled by the hub, which never waits, and emptied by one sender."""

    def __init__(self, limit: int = QUEUE) -> None:
        self._limit = limit
        self._replays: deque[Frame] = deque()
        self._waiting: deque[Frame] = deque()
        self._replaying: dict[str, list[Frame]] = {}
        self._end: End | None = None
        self._news = asyncio.Event()
        self.on_end: Callable[[], object] | None = None
        """Called once when it ends; the sender may be waiting for a client that reads nothing."""
        self.heard_at = 0.0
        """When something was last offered, by the hub's clock."""

    @property
    def ended(self) -> End | None:
        return self._end

    @property
    def waiting(self) -> int:
        """Frames that can be taken at once."""
        return len(self._replays) + len(self._waiting)

    @property
    def behind(self) -> int:
        """Frames that wait for the client, but for what it asked to be told again: at most the limit."""
        return max(map(len, (self._waiting, *self._replaying.values())))

    def hold(self, topic: str) -> None:
        """Keeps back what comes of a topic until what was before it has been said: see `release`."""
        self._replaying.setdefault(topic, [])

    def release(self, topic: str, replay: Sequence[Frame]) -> None:
        """First what was before the subscription, then what has come since. A replay does not count as being behind."""
        held = self._replaying.pop(topic, [])
        if self._end is None:
            self._replays.extend(replay)
            for frame in held:
                self.offer(frame)
            self._news.set()

    def forget(self, topic: str) -> None:
        """Nothing of the topic is to be sent any more, not even what waits already."""
        self._replaying.pop(topic, None)
        self._replays = deque(frame for frame in self._replays if frame.topic != topic)
        self._waiting = deque(frame for frame in self._waiting if frame.topic != topic)

    def offer(self, frame: Frame) -> bool:
        """Whether it still listens: False when it had fallen behind, and hears nothing more."""
        if self._end is not None:
            return False
        held = self._replaying.get(frame.topic)
        queue: deque[Frame] | list[Frame] = self._waiting if held is None else held
        if len(queue) >= self._limit:
            self.end(End(TOO_SLOW, "Too far behind"))
            return False
        queue.append(frame)
        self._news.set()
        return True

    def end(self, why: End) -> None:
        """Nothing is sent any more, not even what waits; the first reason stands."""
        if self._end is None:
            self._end = why
            self._replays.clear()
            self._waiting.clear()
            self._replaying.clear()
            self._news.set()
            if self.on_end is not None:
                self.on_end()

    async def next(self) -> Frame | End:
        """The next frame, as soon as there is one, or why there is none."""
        while not (self._replays or self._waiting):
            if self._end is not None:
                return self._end
            self._news.clear()
            await self._news.wait()
        return (self._replays or self._waiting).popleft()
