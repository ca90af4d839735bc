"""The follower: hears from the database that something was written, and makes the hub look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from dean_airflow.errors import StoreError
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.services_source import METRICS, SERVICES
from dean_airflow.feed.topic import Run

WAIT = 2.0
"""Seconds without a word after which every topic is looked at, should a word have been lost."""
PAUSE = 0.05
"""Seconds between two rounds over the topics that are due."""
IDLE = 0.2
"""Seconds between two looks at whether somebody listens."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds before a store that does not answer is asked again: doubled from the first to the longest."""
ANY = "*"


class Waits(Protocol):
    def wait(self, seconds: float) -> frozenset[str]:
        """The topics something was written about, `*` for any. Raises StoreError."""
        ...

    def leave(self) -> None:
        """Nobody waits for a while."""
        ...


class Follower:
    """`run` ends when it is cancelled. While nobody listens it asks the store for nothing."""

    def __init__(self, hub: Hub, signals: Waits, run: Run) -> None:
        """`run` has a thread of its own for the signals, which wait in it."""
        self._hub, self._signals, self._run = hub, signals, run

    async def run(self) -> None:
        looking = asyncio.create_task(self._repeat(self._look))
        try:
            await self._repeat(self._hear)
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _hear(self) -> None:
        if not self._hub.topics:
            self._signals.leave()
            await self._hub.clock.sleep(IDLE)
            return
        heard = await self._run(self._signals.wait, WAIT)
        self._hub.touch(_topics(heard))

    async def _look(self) -> None:
        if await self._hub.look():
            self._hub.in_trouble(None)
        await self._hub.clock.sleep(PAUSE)

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        """A store that does not answer is asked again later, and everybody is told."""
        pause = FIRST_PAUSE
        while True:
            try:
                await step()
                pause = FIRST_PAUSE
            except StoreError as error:
                self._hub.in_trouble(str(error))
                await self._hub.clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)


def _topics(heard: frozenset[str]) -> Iterable[str] | None:
    if not heard or ANY in heard:
        return None
    return heard | {SERVICES} if METRICS in heard else heard
