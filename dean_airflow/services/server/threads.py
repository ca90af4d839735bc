"""Runs what waits for the store beside the event loop, on a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 6
"""The store has ten connections at most; more threads than that would wait for one another."""


class Threads:
    """`await threads(function, *arguments)` is the function's result, or raises what it raised."""

    def __init__(self, count: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="dean-store")

    async def __call__(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
