"""What all processes of an installation know of dead services: the store's circuits, for an event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dean_airflow.errors import StoreError
from dean_airflow.store.circuits import Circuits

T = TypeVar("T")

log = logging.getLogger(__name__)

STORE_SECONDS = 1.0
"""How long a call waits for the store at most, which happens only when a circuit changes."""


class SharedCircuits:
    """Asked in a thread of its own, and not waited for longer than a second.

    A store that does not answer is left alone for a while, so that calls of services do not wait for it.
    """

    _LEFT_ALONE = 5.0

    def __init__(self, circuits: Circuits | None) -> None:
        self._circuits = circuits
        self._thread: ThreadPoolExecutor | None = None
        self._dead_until = 0.0

    @property
    def there(self) -> bool:
        return self._circuits is not None and time.monotonic() >= self._dead_until

    async def ask(self, question: Callable[[Circuits], T]) -> T | None:
        """The answer, or None where there is no store or it does not answer."""
        circuits = self._circuits
        if circuits is None or not self.there:
            return None
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="dean-circuits")
        work = asyncio.get_running_loop().run_in_executor(self._thread, lambda: question(circuits))
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await asyncio.shield(work)
        except (StoreError, TimeoutError) as error:
            work.add_done_callback(_retrieve)
            self._dead_until = time.monotonic() + self._LEFT_ALONE
            log.warning("circuit breakers do without the store for now: %s", error or "it does not answer")
            return None

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None


def _retrieve(work: asyncio.Future[Any]) -> None:
    """A late failure is known already."""
    if not work.cancelled():
        work.exception()
