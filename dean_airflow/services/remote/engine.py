"""Trials on another DEAN, behind the protocol that the embedded engine has, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.correlation import correlated
from dean_airflow.services.remote.options import OPTION_NAMES, RemoteOptions
from dean_airflow.services.remote.trial import RemoteTrial
from dean_airflow.store.ids import new_trial_id
from dean_airflow.store.service_patterns import ServicePattern
from dean_airflow.store.store import Store


@dataclass(frozen=True)
class RemoteEngine:
    """Runs trials on the Evolution service of a pool, with IndexAgent and Airflow where the pool has them.

    Each run makes a pool of its own, in an event loop of its own. `inside_dag`: a run of the trial's DAG is what works
    here, so none is triggered. `say` hears sentences for a log.
    """

    make_pool: Callable[[], ClientPool]
    store: Store
    options: RemoteOptions = field(default_factory=RemoteOptions)
    inside_dag: bool = False
    say: Callable[[str], object] = lambda line: None
    own_params = OPTION_NAMES
    """Params of a coordinator that say how the trial is followed; the trial itself does not know them."""

    def with_params(self, params: Mapping[str, Any]) -> RemoteEngine:
        """The engine with other options. Raises ConfigurationError for one out of range."""
        return replace(self, options=self.options.changed(params))

    def run(self, trial_id: str, config: TrialConfig, progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The final result; what was done at the services is taken back if there is none. Raises DeanError.

        Not for use inside a running event loop, which it would block.
        """
        return asyncio.run(self._run(trial_id, config, progress))

    def patterns_of(self, result: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Of a trial with this result: what the service found in it, with type and confidence."""
        remote_id = (result.get("remote") or {}).get("trial_id")
        found = self.store.service_patterns.list(trial_id=remote_id) if remote_id else []
        return [_shown(pattern) for pattern in found]

    async def _run(
        self, trial_id: str, config: TrialConfig, progress: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        async with self.make_pool() as pool:
            with correlated(trial_id):
                return await self._trial(pool, trial_id, config, progress).run()

    def _trial(
        self, pool: ClientPool, trial_id: str, config: TrialConfig, tell: Callable[[dict[str, Any]], None]
    ) -> RemoteTrial:
        return RemoteTrial(
            pool,
            self.store,
            trial_id,
            config,
            self.options,
            inside_dag=self.inside_dag,
            tell=tell,
            say=self.say,
        )


async def execute_evolution_trial(
    pool: ClientPool,
    store: Store,
    config: TrialConfig,
    *,
    wait_for_completion: bool = True,
    trial_id: str | None = None,
    options: RemoteOptions | None = None,
    tell: Callable[[dict[str, Any]], object] = lambda generation: None,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """A remote trial in the caller's event loop: its result, or, without waiting, `status: workflow_triggered` with
    `trial_id` (ours), `evolution_trial_id`, `population_id` and `dag_run_id`; None for what there is none of.

    With the `trial_id` that an earlier call answered it goes on with that trial. Raises DeanError; a trial that could
    not be set up is taken back first.
    """
    trial = RemoteTrial(pool, store, trial_id or new_trial_id(), config, options, tell=tell, say=say)
    if wait_for_completion:
        return await trial.run()
    try:
        await trial.start()
    except BaseException as error:
        await asyncio.shield(trial.stop(error))
        raise
    place = await asyncio.to_thread(trial.place)
    return {
        "status": "workflow_triggered",
        "trial_id": trial.trial_id,
        "evolution_trial_id": place["trial_id"],
        "population_id": place["population_id"],
        "dag_run_id": place["dag_run_id"],
    }


def _shown(pattern: ServicePattern) -> dict[str, Any]:
    return {
        "id": pattern.id,
        "type": pattern.type,
        "name": pattern.name,
        "confidence": pattern.confidence,
        "effectiveness": pattern.effectiveness,
    }
