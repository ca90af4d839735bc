"""Waking DAGs up when a trial at an Evolution service ends, whoever had started it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from dean_airflow.remote_setup import EVOLUTION_CONNECTION, opening_module

if TYPE_CHECKING:
    from dean_airflow.services.contract.trials import Trial
    from dean_airflow.services.pool import ServicePool

WATERMARK = "dean_last_trial_end"
"""Key in the asset's state: the end of the last trial that was told, so that a restarted triggerer tells none twice."""


class RemoteTrialFinishedTrigger(BaseEventTrigger):
    """An event for every trial that completes, for an asset to be watched with:

    `Asset("remote_trials", watchers=[AssetWatcher(name="dean", trigger=RemoteTrialFinishedTrigger())])`

    The event's payload holds trial_id, repository, status, best_fitness, current_generation and completed_at. Trials
    that had ended before the asset was first watched are not told. A service that is away is asked again later.

    :param evolution_conn_id: connection of the Evolution service.
    :param repository: only trials of this repository.
    :param failed: tell of trials that failed or were cancelled, too.
    :param poll_seconds: between two looks.
    """

    def __init__(
        self,
        evolution_conn_id: str = EVOLUTION_CONNECTION,
        repository: str | None = None,
        failed: bool = False,
        poll_seconds: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.evolution_conn_id = evolution_conn_id
        self.repository = repository
        self.failed = failed
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "dean_airflow.triggers.trial_finished.RemoteTrialFinishedTrigger",
            {
                "evolution_conn_id": self.evolution_conn_id,
                "repository": self.repository,
                "failed": self.failed,
                "poll_seconds": self.poll_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from dean_airflow.errors import DeanError

        opening = await opening_module()
        told = await self._last_told()
        while True:
            try:
                async with opening.opened_pool({"evolution": self.evolution_conn_id}) as pool:
                    while True:
                        for trial, ended in await self._ended_since(pool, told):
                            yield TriggerEvent(_payload(trial, ended))  # type: ignore[no-untyped-call]
                            told = ended
                            await self._remember(told)
                        await asyncio.sleep(self.poll_seconds)
            except DeanError as error:
                self.log.warning("The Evolution service cannot be asked for ended trials now: %s", error)
            await asyncio.sleep(self.poll_seconds)

    async def _ended_since(self, pool: ServicePool, moment: datetime) -> list[tuple[Trial, datetime]]:
        """Trials that ended after `moment`, in the order in which they did."""
        found = [
            (trial, trial.completed_at)
            async for trial in pool.evolution.every_trial(repository=self.repository)
            if trial.completed_at is not None and trial.completed_at > moment
            and (trial.status == "completed" or (self.failed and trial.ended))
        ]  # fmt: skip
        return sorted(found, key=lambda one: one[1])

    async def _last_told(self) -> datetime:
        kept = await self.asset_state_store.aget(WATERMARK) if self.asset_state_store is not None else None
        if isinstance(kept, str):
            return datetime.fromisoformat(kept)
        now = datetime.now(UTC)
        await self._remember(now)
        return now

    async def _remember(self, moment: datetime) -> None:
        if self.asset_state_store is not None:
            await self.asset_state_store.aset(WATERMARK, moment.isoformat())


def _payload(trial: Trial, ended: datetime) -> dict[str, Any]:
    return {
        "trial_id": trial.trial_id,
        "repository": trial.repository,
        "status": trial.status,
        "best_fitness": trial.best_fitness,
        "current_generation": trial.current_generation,
        "completed_at": ended.isoformat(),
    }
