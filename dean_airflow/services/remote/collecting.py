"""The end of a remote trial: its result and patterns fetched from the service, and kept here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.trials import Trial, TrialResult
from dean_airflow.services.pattern_exchange import evolution_patterns, exchange_patterns
from dean_airflow.services.remote.mirror import LocalTrial
from dean_airflow.services.remote.outcome import remote_result
from dean_airflow.services.saga import Outcome, Outcomes
from dean_airflow.store.store import Store

RESULTS = 1000
"""As many as the contract gives at once; a trial that is not among a repository's best thousand has its state."""


@dataclass(frozen=True)
class Collecting:
    """The two last steps of a remote trial. Both may be repeated."""

    pool: ClientPool
    store: Store
    trial_id: str
    local: LocalTrial
    say: Callable[[str], object]

    async def collect(self, key: str, outcomes: Outcomes) -> Outcome:
        """The trial's result. Its patterns are kept where both services' are; that the other service could not be
        read does not fail the trial.
        """
        state = Trial.model_validate(outcomes["monitor"])
        service = self.pool.evolution.endpoint.name
        result = await self._result_of(state)
        patterns = await evolution_patterns(self.pool, state.trial_id)
        await asyncio.to_thread(self.store.service_patterns.keep, patterns)
        exchanged = await exchange_patterns(self.pool, self.store)
        for name, why in exchanged.failed.items():
            self.say(f"The patterns of {name} could not be read now: {why}")
        return remote_result(self.trial_id, state, result, len(patterns), service)

    async def persist(self, key: str, outcomes: Outcomes) -> Outcome:
        """Ends the trial here. Raises TrialCancelled if it was stopped meanwhile."""
        return await asyncio.to_thread(self.local.completed, outcomes["collect"])

    async def _result_of(self, state: Trial) -> TrialResult | None:
        found = await self.pool.evolution.results(repository=state.repository, limit=RESULTS)
        return next((result for result in found.results if result.trial_id == state.trial_id), None)
