"""The pool for code that is not asynchronous, such as tasks: one event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

from dean_airflow.services.errors import PoolClosed
from dean_airflow.services.pool import ServicePool

T = TypeVar("T")

_CLOSING_SECONDS = 10.0


class SyncServicePool:
    """`run(lambda pool: pool.evolution.trial(id))` from any thread; a context manager.

    `make` makes the pool, inside the loop. Nothing is started before the first call. After a fork a child must make
    its own.
    """

    def __init__(self, make: Callable[[], ServicePool]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pool: ServicePool | None = None
        self._closed = False

    def run(self, work: Callable[[ServicePool], Awaitable[T]]) -> T:
        """The result of `work`, or what it raised; interrupted, the work is cancelled before this returns.

        Raises PoolClosed.
        """
        loop = self._started()
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(self._within(work, ended), loop)
        try:
            return future.result()
        except BaseException:
            # Also where a signal (Airflow's kill of a task) interrupts the wait.
            if not future.done():
                future.cancel()
                ended.wait(_CLOSING_SECONDS)
            raise

    def close(self) -> None:
        """Cancels what still runs, closes every connection and ends the thread."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result(_CLOSING_SECONDS)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_CLOSING_SECONDS)
            loop.close()

    def __enter__(self) -> SyncServicePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise PoolClosed("The service pool was closed before the call was made.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: a process that ends without closing the pool does not hang on it.
                self._thread = threading.Thread(target=self._loop.run_forever, name="dean-services", daemon=True)
                self._thread.start()
            return self._loop

    async def _within(self, work: Callable[[ServicePool], Awaitable[T]], ended: threading.Event) -> T:
        try:
            if self._pool is None:
                self._pool = self._make()
            return await work(self._pool)
        finally:
            ended.set()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()
        await asyncio.get_running_loop().shutdown_default_executor()
