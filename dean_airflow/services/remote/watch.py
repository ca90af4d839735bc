"""Looking at a remote trial until it has ended.

What its status says counts. The service's live updates only say when to look, so that a lost, doubled or late frame
does no harm, and a service without a WebSocket is simply looked at less often.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from dean_airflow.services.contract.trials import Trial
from dean_airflow.services.contract.websocket import TrialFrame
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


class Looked(Protocol):
    """The part of the Evolution client that looking needs."""

    async def trial(self, trial_id: str) -> Trial: ...
    def updates(self) -> AsyncIterator[TrialFrame]: ...


async def states(
    client: Looked, trial_id: str, *, every: float, errors_allowed: int, say: Callable[[str], object]
) -> AsyncIterator[Trial]:
    """The trial's state at each look, at least every so many seconds; the last one has ended.

    Raises OutOfSight when more than `errors_allowed` looks in a row failed; other ServiceErrors at once.
    """
    failed = 0
    async with _doorbell(client, trial_id, every) as rung:
        while True:
            rung.clear()
            try:
                state = await client.trial(trial_id)
            except PASSING as error:
                failed += 1
                if failed > errors_allowed:
                    raise OutOfSight(
                        f"The remote trial {trial_id} could not be looked at {failed} times in a row: {error}",
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
async def _doorbell(client: Looked, trial_id: str, every: float) -> AsyncIterator[asyncio.Event]:
    rung = asyncio.Event()
    ringing = asyncio.create_task(_ring(client, trial_id, every, rung))
    try:
        yield rung
    finally:
        ringing.cancel()
        with suppress(asyncio.CancelledError):
            await ringing


async def _ring(client: Looked, trial_id: str, every: float, rung: asyncio.Event) -> None:
    while True:
        with suppress(ServiceError):
            async for frame in client.updates():
                if frame.trial_id == trial_id:
                    rung.set()
        await asyncio.sleep(every)
