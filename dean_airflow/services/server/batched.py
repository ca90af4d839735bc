"""Many small questions to the store as few larger ones: what is asked while an answer is fetched is asked together.

Nothing waits for a batch to fill. On an idle server each question is a batch of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 200
"""Keys of one question."""


class Batched(Generic[T]):
    """For one event loop. `load` answers keys, those it knows; its error is given to all who asked with it."""

    def __init__(self, load: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._load = load
        self._waiting: dict[str, list[asyncio.Future[T | None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: str) -> T | None:
        """What `load` knows of the key, None if nothing."""
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await future

    async def _ask(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:MOST]
            batch = {key: self._waiting.pop(key) for key in keys}
            try:
                known: Mapping[str, T] = await self._load(keys)
            except Exception as error:
                _settle(batch, lambda future, key, error=error: future.set_exception(error))  # type: ignore[misc]
            else:
                _settle(batch, lambda future, key, known=known: future.set_result(known.get(key)))  # type: ignore[misc]


def _settle(
    batch: Mapping[str, list[asyncio.Future[T | None]]], settle: Callable[[asyncio.Future[T | None], str], None]
) -> None:
    """Those whose callers have gone meanwhile are left alone."""
    for key, futures in batch.items():
        for future in futures:
            if not future.done():
                settle(future, key)
