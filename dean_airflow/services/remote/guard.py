"""Watching IndexAgent while a trial needs it: the trial is paused when it vanishes and goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dean_airflow.errors import DeanError
from dean_airflow.services.caches import ServiceCaches
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.capabilities import TRIAL_PAUSE
from dean_airflow.services.errors import CircuitOpen, ServiceError
from dean_airflow.services.remote.mirror import LocalTrial
from dean_airflow.services.remote.options import RemoteOptions

QUICKLY = 1.0
"""Seconds between probes once one has failed, until the circuit is open."""


async def watch_over(
    probe: Callable[[], Awaitable[object]],
    pause: Callable[[], Awaitable[None]],
    resume: Callable[[], Awaitable[None]],
    *,
    every: float,
    gone: bool = False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Probes every so many seconds; does not return.

    `pause` is called once at the first failure, `resume` once at the first answer after that; `gone`: somebody before
    us had paused the trial.
    """
    while True:
        wait = every
        try:
            await probe()
        except ServiceError as error:
            wait = every if isinstance(error, CircuitOpen) else min(QUICKLY, every)
            if not gone:
                gone = True
                await pause()
        else:
            if gone:
                gone = False
                await resume()
        await sleep(wait)


@dataclass(frozen=True)
class Guard:
    """Pauses a trial at Evolution, where that can be asked to, and always flags it here."""

    pool: ClientPool
    caches: ServiceCaches
    local: LocalTrial
    remote_id: str
    options: RemoteOptions
    say: Callable[[str], object]

    async def watch(self) -> None:
        """Does not return; cancel it."""
        place = await asyncio.to_thread(self.local.place)
        await watch_over(
            lambda: self.pool.indexagent.probe(self.options.probe_timeout_seconds),
            self._pause,
            self._resume,
            every=self.options.probe_seconds,
            gone=bool(place.get("paused")),
        )

    async def _pause(self) -> None:
        self.say("IndexAgent has vanished; the trial is paused until it is back.")
        await self.caches.health_changed()
        await self._tell_evolution(self.pool.evolution.pause, "paused")
        await self._flag(self.pool.indexagent.endpoint.name)

    async def _resume(self) -> None:
        self.say("IndexAgent is back; the trial goes on from its last generation.")
        await self.caches.health_changed()
        await self._tell_evolution(self.pool.evolution.resume, "resumed")
        await self._flag(None)

    async def _tell_evolution(self, ask: Callable[[str], Awaitable[object]], what: str) -> None:
        try:
            if await self.caches.offers(self.pool.evolution.endpoint.name, TRIAL_PAUSE):
                await ask(self.remote_id)
        except ServiceError as error:
            self.say(f"The trial could not be {what} at Evolution: {error}")

    async def _flag(self, service: str | None) -> None:
        try:
            await asyncio.to_thread(self.local.paused, service)
        except DeanError as error:
            self.say(f"That the trial waits could not be written down: {error}")
