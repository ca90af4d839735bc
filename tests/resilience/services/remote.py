"""Remote trials on stubs, whose faults tests cause, and what is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.trial import RemoteTrial
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store
from dean_airflow.testing.airflow_runs import StubRun
from dean_airflow.testing.services import StubServices

TRIAL = "trial-0123456789ab"
QUICK = RemoteOptions(
    poll_seconds=0.02, pause_seconds=0.01, probe_seconds=0.05, probe_timeout_seconds=0.5, timeout_seconds=60,
    status_errors=500,
)  # fmt: skip
CONFIG = {"repository": "https://example.org/shop.git", "generations": 9}


class Trials:
    """Runs trials at the stubs; `at` are other addresses of services, such as a proxy's, by kind."""

    def __init__(self, stubs: StubServices, store: Store) -> None:
        self.stubs, self.store = stubs, store
        self.at: dict[str, str] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.told: list[int] = []
        self.said: list[str] = []

    def endpoints(self) -> list[ServiceEndpoint]:
        found = []
        for endpoint in self.stubs.endpoints(timeout=2.0):
            changes = dict(self.changes.get(endpoint.kind, {}))
            if endpoint.kind in self.at:
                changes["url"] = self.at[endpoint.kind]
            found.append(replace(endpoint, **changes))
        return found

    def pool(self) -> ServicePool:
        return ServicePool(self.endpoints(), store=self.store, retry=RetryPolicy(first=0.01, longest=0.05))

    def trial(self, pool: ServicePool, trial_id: str = TRIAL, **options: Any) -> RemoteTrial:
        return RemoteTrial(
            pool, self.store, trial_id, TrialConfig.build(CONFIG), replace(QUICK, **options),
            tell=lambda generation: self.told.append(generation["number"]), say=self.said.append,
        )  # fmt: skip

    async def run(self, trial_id: str = TRIAL, **options: Any) -> dict[str, Any]:
        async with self.pool() as pool:
            return await self.trial(pool, trial_id, **options).run()

    @property
    def started(self) -> list[str]:
        """The statuses of all trials there are at the service."""
        return [trial.status for trial in self.stubs.evolution.trials.values()]

    @property
    def dag_runs(self) -> list[StubRun]:
        return list(self.stubs.airflow.dags["dean_evolution_trial"].runs.values())

    @property
    def taken_back(self) -> bool:
        """Nothing of ours is left at any service."""
        runs = [run.state for run in self.dag_runs]
        return (
            all(status in ("cancelled", "failed", "completed") for status in self.started)
            and self.stubs.indexagent.agents == {}
            and all(state in ("failed", "success") for state in runs)
            and self.store.sagas.latest(TRIAL).state == "compensated"
        )


async def until(condition: Callable[[], Any]) -> Any:
    """The condition's first true answer."""
    async with asyncio.timeout(30):
        while not (answer := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return answer
