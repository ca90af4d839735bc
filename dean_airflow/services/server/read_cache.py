"""Answers to what many ask: for half a second the same question gets the same answer, asked of the store once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")

SECONDS = 0.5
"""How old an answer may be. What the server itself changes is seen at once."""
REMEMBERED = 256


class ReadCache:
    """For one event loop. An error is given to all who wait for it, and is not remembered."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._known: OrderedDict[Hashable, tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The answer to `key`, made unless there is one that is new enough or on its way."""
        known = self._known.get(key)
        if known is None or self._clock() - known[0] >= self._seconds or _failed(known[1]):
            known = (self._clock(), asyncio.ensure_future(_made(make)))
            self._known[key] = known
            self._known.move_to_end(key)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        # Shielded: one caller who goes away must not take the answer from the others.
        return cast(T, await asyncio.shield(known[1]))

    def forget(self) -> None:
        """After a change: nothing that was known is given any more."""
        self._known.clear()


async def _made(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
