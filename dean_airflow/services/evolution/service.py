"""What the routes of the Evolution API ask: the store for what is known, the runner for what is to be done."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.errors import IllegalTransition
from dean_airflow.services.contract.errors import TRIAL_NOT_FOUND
from dean_airflow.services.contract.patterns import PatternList, PatternQuery
from dean_airflow.services.contract.trials import (
    CancelledTrial,
    EvolutionMetrics,
    EvolutionStatus,
    ResultList,
    ResultQuery,
    StartTrial,
    Trial,
    TrialList,
    TrialQuery,
)
from dean_airflow.services.contract.websocket import TrialFrame
from dean_airflow.services.evolution.answers import pattern_of, pattern_told, result_of, trial_of, type_of
from dean_airflow.services.evolution.diversity import Diversity
from dean_airflow.services.evolution.feed import history
from dean_airflow.services.evolution.runner import Runner
from dean_airflow.services.evolution.starting import config_of
from dean_airflow.services.server.batched import Batched
from dean_airflow.services.server.caller import Caller
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.prometheus import ServerMetrics
from dean_airflow.services.server.read_cache import ReadCache
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.discoveries import ServedView
from dean_airflow.store.fence import FINAL
from dean_airflow.store.ids import new_trial_id
from dean_airflow.store.store import Store

SERVICE = "evolution"


class EvolutionService:
    """Every method may raise ApiError, or StoreError when the store does not answer."""

    def __init__(
        self, settings: Settings, store: Store, threads: Threads, runner: Runner, figures: ServerMetrics | None = None
    ) -> None:
        self.settings, self.store, self.threads, self.runner = settings, store, threads, runner
        self.figures = figures or ServerMetrics()
        self.diversity = Diversity(store)
        self._reads = ReadCache()
        self._views: Batched[ServedView] = Batched(lambda ids: threads(store.discoveries.view_all, ids))

    async def start(
        self, request: StartTrial, caller: Caller, key: str | None, credential: Any = None
    ) -> dict[str, Any]:
        """The trial, initializing. With a key heard before, the first answer again; 409 if the body is another one."""
        config = await self.threads(config_of, request, self.settings)
        body = request.model_dump(mode="json", exclude_none=True)
        if key is None:
            return await self._start(new_trial_id(), config, body, caller, credential)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        known = await self.threads(self.store.requests.begin, SERVICE, caller.name, key, digest)
        if known is not None and known.other_body:
            raise ApiError(409, "This Idempotency-Key was used for another request already.")
        if known is not None and known.answer is not None:
            answer: dict[str, Any] = known.answer
            return answer
        # Begun before, but without an answer: the id is made of the key, so that starting once more changes nothing.
        trial_id = "trial-" + uuid.uuid5(uuid.UUID(self.store.id), json.dumps([caller.name, key])).hex[:12]
        try:
            started = await self._start(trial_id, config, body, caller, credential)
        except ApiError:
            await self.threads(self.store.requests.forget, SERVICE, caller.name, key)
            raise
        await self.threads(self.store.requests.answer, SERVICE, caller.name, key, 202, started)
        return started

    async def _start(
        self, trial_id: str, config: Any, body: dict[str, Any], caller: Caller, credential: Any
    ) -> dict[str, Any]:
        await self.runner.start(trial_id, config, body, caller, credential)
        self._reads.forget()
        return (await self.status(trial_id)).model_dump(mode="json", exclude_none=True)

    async def status(self, trial_id: str) -> Trial:
        view = await self._views.get(trial_id)
        if view is None:
            raise ApiError(404, TRIAL_NOT_FOUND)
        return trial_of(view)

    async def cancel(self, trial_id: str, caller: Caller, credential: Any = None) -> CancelledTrial:
        """400, and nothing changes, when the trial has ended."""
        trial = await self.status(trial_id)
        if trial.status in FINAL:
            raise ApiError(400, f"Trial {trial_id} is {trial.status} and cannot be cancelled.")
        try:
            await self.runner.cancel(trial_id, caller, credential)
        except IllegalTransition as refused:
            raise ApiError(400, str(refused)) from None
        finally:
            self._reads.forget()
        return CancelledTrial(trial_id=trial_id)

    async def trials(self, query: TrialQuery) -> TrialList:
        return await self._reads.get(query, lambda: self._trials(query))

    async def _trials(self, query: TrialQuery) -> TrialList:
        views, total = await self.threads(
            lambda: self.store.discoveries.views(
                repository=query.repository, status=query.status, limit=query.limit, offset=query.offset
            )
        )
        return TrialList(trials=[trial_of(view) for view in views], total=total, limit=query.limit, offset=query.offset)

    async def results(self, query: ResultQuery) -> ResultList:
        """Of completed trials alone."""
        return await self._reads.get(query, lambda: self._results(query))

    async def _results(self, query: ResultQuery) -> ResultList:
        views, total = await self.threads(
            lambda: self.store.discoveries.views(
                repository=query.repository, min_fitness=query.min_fitness, limit=query.limit, fittest_first=True
            )
        )
        found = await self.threads(self.store.discoveries.won_in, [view.trial.id for view in views])
        return ResultList(results=[result_of(view, found.get(view.trial.id, [])) for view in views], total=total)

    async def patterns(self, query: PatternQuery) -> PatternList:
        return await self._reads.get(query, lambda: self._patterns(query))

    async def _patterns(self, query: PatternQuery) -> PatternList:
        """Those that won in trials here, and those that IndexAgent found."""
        discoveries = self.store.discoveries
        everything = await self.threads(discoveries.list)
        found_here = {found.pattern.id for found in everything}
        told = [
            pattern_told(one)
            for one in await self.threads(lambda: self.store.service_patterns.list(other_than=SERVICE))
            if one.id not in found_here
        ]
        types = Counter([type_of(found.pattern.effectiveness) for found in everything] + [one.type for one in told])
        known = everything if query.trial_id is None else await self.threads(discoveries.list, query.trial_id)
        patterns = [pattern_of(found) for found in known]
        patterns += [one for one in told if query.trial_id in (None, one.trial_id)]
        patterns.sort(key=lambda pattern: -pattern.impact_score)
        least = query.wanted_effectiveness
        wanted = [
            pattern
            for pattern in patterns
            if pattern.confidence >= query.min_confidence
            and (query.wanted_type is None or pattern.type == query.wanted_type)
            and (least is None or (pattern.effectiveness is not None and pattern.effectiveness >= least))
        ]
        page = wanted[query.offset : query.offset + query.limit]
        return PatternList(patterns=page, total=len(wanted), types=dict(types))

    async def metrics(self) -> EvolutionMetrics:
        return await self._reads.get("metrics", self._metrics)

    async def _metrics(self) -> EvolutionMetrics:
        known = await self.threads(self.store.discoveries.averages)
        statuses = known["statuses"]
        return EvolutionMetrics(
            total_trials=sum(statuses.values()),
            active_trials=_active(statuses),
            completed_trials=statuses.get("completed", 0),
            failed_trials=statuses.get("failed", 0),
            total_patterns=await self.threads(self.store.discoveries.count),
            average_fitness=_rounded(known["fitness"], 3),
            average_generations=_rounded(known["generations"], 1),
            average_patterns_per_trial=_rounded(known["patterns"], 1),
        )

    async def overview(self) -> EvolutionStatus:
        """Of the trials at work now: their agents are the candidates of their last generations."""
        return await self._reads.get("overview", self._overview)

    async def _overview(self) -> EvolutionStatus:
        views, _ = await self.threads(lambda: self.store.discoveries.views(status="running", limit=1000))
        known = await self.threads(self.store.discoveries.averages)
        full = [await self.threads(self.store.discoveries.view, view.trial.id) for view in views]
        diversities = [view.diversity for view in full if view is not None and view.diversity is not None]
        fitness = [view.trial.best_fitness for view in views]
        return EvolutionStatus(
            active_trials=_active(known["statuses"]),
            total_agents=sum(int(view.trial.config.get("population_size", 0)) for view in views),
            generation=max((view.trial.current_generation for view in views), default=0),
            fitness_average=sum(fitness) / len(fitness) if fitness else None,
            diversity_score=sum(diversities) / len(diversities) if diversities else None,
            service_status=await self._own_status(),
        )

    async def prometheus(self) -> str:
        """The figures of `metrics` and of the server in Prometheus' text form."""
        known = await self.metrics()
        gauges = {
            "dean_evolution_trials_active": ("Trials under way.", known.active_trials),
            "dean_evolution_trials_completed": ("Trials that were completed.", known.completed_trials),
            "dean_evolution_trials_failed": ("Trials that failed.", known.failed_trials),
            "dean_evolution_trials": ("All trials the store has.", known.total_trials),
            "dean_evolution_patterns": ("Kinds of edits that won.", known.total_patterns),
        }
        return self.figures.text({name: (meaning, float(value)) for name, (meaning, value) in gauges.items()})

    async def history(self, trial_id: str) -> Sequence[TrialFrame]:
        """The frames of a trial so far; none of one there is not."""
        return await self.threads(history, self.store, trial_id)

    async def _own_status(self) -> str:
        try:
            await self.runner.check()
        except Exception:
            return "degraded"
        return "healthy"


def _active(statuses: dict[str, int]) -> int:
    return sum(count for status, count in statuses.items() if status not in FINAL)


def _rounded(value: float | None, places: int) -> float | None:
    return None if value is None else round(value, places)
