"""Looking at a remote trial until it has ended.

What its status says counts. The service's live updates only say when to look, so that a lost, doubled or late frame
does no harm, and a service without a WebSocket is simply looked at less often.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from dean_airflow.services.contract.trials import Trial
from dean_airflow.services.errors import (
    ContractViolation,
    RateLimited,
    ServiceError,
    ServiceFault,
    ServiceUnavailable,
)

PASSING = (ServiceUnavailable, ServiceFault, ContractViolation, RateLimited)
"""Errors that may be gone at the next look."""


class OutOfSight(ServiceError):
    """The trial could not be looked at so often in a row that it is given up."""


Look = Callable[[], Awaitable[Trial]]
News = Callable[[], AsyncIterator[object]]
"""Something each time when it is worth looking; it may end or raise ServiceError, and is then called again."""


async def states(
    look: Look, news: News | None, *, every: float, errors_allowed: int, say: Callable[[str], object]
) -> AsyncIterator[Trial]:
    """The trial's state at each look, at least every so many seconds; the last one has ended.

    Raises OutOfSight when more than `errors_allowed` looks in a row failed; other ServiceErrors at once.
    """
    failed = 0
    async with _doorbell(news, every) as rung:
        while True:
            rung.clear()
            try:
                state = await look()
            except PASSING as error:
                failed += 1
                if failed > errors_allowed:
                    raise OutOfSight(
                        f"The remote trial could not be looked at {failed} times in a row: {error}",
                        service=error.service, url=error.url, status=error.status,
                    ) from error  # fmt: skip
                say(f"Look {failed} of {errors_allowed} at the remote trial failed: {error}")
            else:
                failed = 0
                yield state
                if state.ended:
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await rung.wait()


@asynccontextmanager
async def _doorbell(news: News | None, every: float) -> AsyncIterator[asyncio.Event]:
    rung = asyncio.Event()
    if news is None:
        yield rung
        return
    ringing = asyncio.create_task(_ring(news, every, rung))
    try:
        yield rung
    finally:
        ringing.cancel()
        with suppress(asyncio.CancelledError):
            await ringing


async def _ring(news: News, every: float, rung: asyncio.Event) -> None:
    while True:
        with suppress(ServiceError):
            async for _ in news():
                rung.set()
        await asyncio.sleep(every)
