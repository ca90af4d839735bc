"""The Evolution API as a client sees it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

from dean_airflow.services import lenient
from dean_airflow.services.call import Call
from dean_airflow.services.clients.service import ServiceClient
from dean_airflow.services.clients.subscription import Subscription
from dean_airflow.services.contract.diversity import (
    AppliedIntervention,
    ApplyIntervention,
    CheckDiversity,
    CheckIntervention,
    DiversityCheck,
    DiversityMetrics,
    InterventionCheck,
    RegisterAgent,
    RegisteredAgent,
)
from dean_airflow.services.contract.patterns import PatternList
from dean_airflow.services.contract.trials import (
    REQUEST_KEY,
    CancelledTrial,
    EvolutionMetrics,
    EvolutionStatus,
    ResultList,
    StartTrial,
    Trial,
    TrialList,
    TrialReference,
)
from dean_airflow.services.contract.websocket import PING_SECONDS, TrialFrame
from dean_airflow.services.errors import CircuitOpen, ServiceError, ServiceTimeout, ServiceUnavailable

PAGE = 1000
POLL_SECONDS = 5.0
_STARTS = 3


class EvolutionClient(ServiceClient):
    """Every method may raise any ServiceError; ids that are not known raise NotFound."""

    async def start(self, config: StartTrial, *, key: str | None = None) -> Trial:
        """Starts a trial, once: with the same `key` the same trial comes back, however often it is asked for.

        The key travels in the trial's parameters, too, so that a trial whose answer was lost is found again.
        """
        key = key or secrets.token_hex(16)
        sent = config.model_copy(update={"parameters": {**config.parameters, REQUEST_KEY: key}})
        call = Call("POST", "/evolution/start", body=sent, key=key)
        for attempt in range(1, _STARTS + 1):
            try:
                return await self._start(call, sent)
            except CircuitOpen:
                raise
            except ServiceUnavailable as error:
                if not error.may_have_arrived:
                    raise
                found = await self._find_lost(config.repository, key, error)
                # One that may still be at work on the first start must not get a second one.
                if found is None and (attempt == _STARTS or isinstance(error, ServiceTimeout)):
                    raise
            if found is not None:
                return found
        raise AssertionError("the last attempt returns or raises")

    async def find_trial(self, repository: str, key: str) -> Trial | None:
        """The trial of that repository that was started with this key, or None."""
        async for trial in self.every_trial(repository=repository):
            if trial.config.get("parameters", {}).get(REQUEST_KEY) == key:
                return trial
        return None

    async def trial(self, trial_id: str) -> Trial:
        """A trial as it stands."""
        return await self._read(Call("GET", f"/evolution/{quote(trial_id, safe='')}/status"), Trial, lenient.trial)

    async def cancel(self, trial_id: str) -> CancelledTrial:
        """Cancels a trial. Raises RejectedRequest where it has ended already."""
        call = Call("POST", f"/evolution/{quote(trial_id, safe='')}/cancel")
        return await self._read(call, CancelledTrial, lenient.trial)

    async def trials(
        self, *, repository: str | None = None, status: str | None = None, limit: int = 100, offset: int = 0
    ) -> TrialList:
        """One page of trials, newest start first."""
        query = {"repository": repository, "status": status, "limit": limit, "offset": offset}
        return await self._read(
            Call("GET", "/evolution/trials", query=query), TrialList, lenient.listed("trials", lenient.trial)
        )

    async def every_trial(self, *, repository: str | None = None, status: str | None = None) -> AsyncIterator[Trial]:
        """All trials, page by page, newest start first."""
        offset = 0
        while True:
            page = await self.trials(repository=repository, status=status, limit=PAGE, offset=offset)
            for trial in page.trials:
                yield trial
            offset += len(page.trials)
            if not page.trials or offset >= page.total:
                return

    async def results(
        self, *, repository: str | None = None, min_fitness: float | None = None, limit: int = 100
    ) -> ResultList:
        """Results of ended trials, best fitness first."""
        query = {"repository": repository, "min_fitness": min_fitness, "limit": limit}
        return await self._read(
            Call("GET", "/evolution/results", query=query), ResultList, lenient.listed("results", lenient.result)
        )

    async def metrics(self) -> EvolutionMetrics:
        """Counts of trials, and averages over the completed ones."""
        return await self._read(Call("GET", "/evolution/metrics"), EvolutionMetrics)

    async def prometheus(self) -> str:
        """The same and more, in Prometheus' text format."""
        return (await self._caller.call(Call("GET", "/metrics", headers={"Accept": "text/plain"}))).text

    async def patterns(
        self,
        *,
        pattern_type: str | None = None,
        min_confidence: float | None = None,
        min_effectiveness: float | None = None,
        trial_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> PatternList:
        """One page of patterns, highest impact first."""
        query = {
            "pattern_type": pattern_type,
            "min_confidence": min_confidence,
            "min_effectiveness": min_effectiveness,
            "trial_id": trial_id,
            "limit": limit,
            "offset": offset,
        }
        return await self._read(Call("GET", "/patterns", query=query), PatternList, lenient.listed("patterns"))

    async def status(self) -> EvolutionStatus:
        """ext `evolution-status`."""
        return await self._read(Call("GET", "/evolution/status"), EvolutionStatus)

    async def pause(self, trial_id: str) -> Trial:
        """ext `trial-pause`."""
        body = TrialReference(trial_id=trial_id)
        return await self._read(Call("POST", "/evolution/pause", body=body), Trial, lenient.trial)

    async def resume(self, trial_id: str) -> Trial:
        """ext `trial-pause`."""
        body = TrialReference(trial_id=trial_id)
        return await self._read(Call("POST", "/evolution/resume", body=body), Trial, lenient.trial)

    async def diversity(self, population_id: str | None = None) -> DiversityMetrics:
        """ext `diversity`; of all populations where none is named."""
        return await self._read(
            Call("GET", "/diversity/metrics", query={"population_id": population_id}), DiversityMetrics
        )

    async def register_agent(self, agent: RegisterAgent) -> RegisteredAgent:
        """ext `diversity`: makes an agent known that later checks may name."""
        return await self._read(Call("POST", "/diversity/agents/register", body=agent), RegisteredAgent)

    async def check_diversity(self, agent_ids: list[str]) -> DiversityCheck:
        """ext `diversity`."""
        body = CheckDiversity(agent_ids=agent_ids)
        return await self._read(Call("POST", "/diversity/check", body=body, reads=True), DiversityCheck)

    async def check_intervention(self, population_id: str) -> InterventionCheck:
        """ext `diversity`."""
        body = CheckIntervention(population_id=population_id)
        return await self._read(
            Call("POST", "/diversity/interventions/check", body=body, reads=True), InterventionCheck
        )

    async def apply_intervention(
        self, intervention: ApplyIntervention, *, key: str | None = None
    ) -> AppliedIntervention:
        """ext `diversity`."""
        call = Call("POST", "/diversity/interventions/apply", body=intervention, key=key)
        return await self._read(call, AppliedIntervention)

    async def updates(
        self, trial_id: str | None = None, *, ping_seconds: float = PING_SECONDS
    ) -> AsyncIterator[TrialFrame]:
        """A trial's news by WebSocket until its last frame, or the news of all trials without end.

        Raises ServiceUnavailable when the socket is lost: what was missed is in the trial's status.
        """
        async for frame in Subscription(self._caller, ping_seconds).frames(trial_id):
            yield frame

    async def wait(self, trial_id: str, *, seconds: float, poll: float = POLL_SECONDS) -> Trial:
        """The trial once it has ended, polled. Raises ServiceTimeout after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            trial = await self.trial(trial_id)
            if trial.ended:
                return trial
            if time.monotonic() + poll > end:
                raise ServiceTimeout(
                    f"The trial {trial_id} is still {trial.status} after {seconds:g} s.",
                    service=self.endpoint.name, url=self.endpoint.url,
                )  # fmt: skip
            await asyncio.sleep(poll)

    async def _find_lost(self, repository: str, key: str, error: ServiceUnavailable) -> Trial | None:
        try:
            return await self.find_trial(repository, key)
        except ServiceError:
            raise error from None  # what is known is that the start may have arrived

    async def _start(self, call: Call, sent: StartTrial) -> Trial:
        return await self._read(call, Trial, lenient.started_trial(sent.model_dump(mode="json"), datetime.now(UTC)))
