"""Answers the routes of the Evolution API from memory, as the real service answers them from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

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
from dean_airflow.services.server.caller import Caller
from dean_airflow.services.server.faults import ApiError
from dean_airflow.testing.evolution_trials import StubTrial


class EvolutionMemory:
    """An `EvolutionApi`. `begin` makes a trial of a config, of that id or any, and lets it go."""

    def __init__(self, begin: Callable[[StartTrial, str | None], StubTrial]) -> None:
        self._begin = begin
        self.by_id: dict[str, StubTrial] = {}
        """Oldest first."""
        self._started: dict[tuple[str, str], tuple[StartTrial, dict[str, Any]]] = {}

    def clear(self) -> None:
        self.by_id.clear()
        self._started.clear()

    async def start(
        self, request: StartTrial, caller: Caller, key: str | None, credential: Any = None
    ) -> dict[str, Any]:
        if key is None:
            return self.begin(request)
        if (caller.name, key) not in self._started:
            self._started[caller.name, key] = (request, self.begin(request))
        first, answer = self._started[caller.name, key]
        if first != request:
            raise ApiError(409, "This Idempotency-Key was used for another request already.")
        return answer

    def begin(self, request: StartTrial, trial_id: str | None = None) -> dict[str, Any]:
        """Starts a trial, whoever asks."""
        trial = self._begin(request, trial_id)
        self.by_id[trial.trial_id] = trial
        return trial.shown().model_dump(mode="json", exclude_none=True)

    async def status(self, trial_id: str) -> Trial:
        return self._trial(trial_id).shown()

    async def cancel(self, trial_id: str, caller: Caller, credential: Any = None) -> CancelledTrial:
        trial = self._trial(trial_id)
        if trial.ended:
            raise ApiError(400, f"The trial has ended already: it is {trial.status}.")
        trial.cancel()
        return CancelledTrial(trial_id=trial_id)

    async def trials(self, query: TrialQuery) -> TrialList:
        found = [
            trial.shown()
            for trial in reversed(self.by_id.values())
            if query.repository in (None, trial.config.repository) and query.status in (None, trial.status)
        ]
        page = found[query.offset : query.offset + query.limit]
        return TrialList(trials=page, total=len(found), limit=query.limit, offset=query.offset)

    async def results(self, query: ResultQuery) -> ResultList:
        found = [
            trial.result()
            for trial in self.by_id.values()
            if trial.status == "completed"
            and query.repository in (None, trial.config.repository)
            and (query.min_fitness is None or trial.evolution.best.fitness >= query.min_fitness)
        ]
        found.sort(key=lambda result: -result.final_fitness)
        return ResultList(results=found[: query.limit], total=len(found))

    async def patterns(self, query: PatternQuery) -> PatternList:
        known = [pattern for trial in self.by_id.values() for pattern in trial.patterns]
        wanted = query.wanted_effectiveness
        found = [
            pattern
            for pattern in known
            if query.wanted_type in (None, pattern.type)
            and pattern.confidence >= query.min_confidence
            and (wanted is None or (pattern.effectiveness or 0.0) >= wanted)
            and query.trial_id in (None, pattern.trial_id)
        ]
        found.sort(key=lambda pattern: -pattern.impact_score)
        types = Counter(pattern.type for pattern in known)
        page = found[query.offset : query.offset + query.limit]
        return PatternList(patterns=page, total=len(found), types=dict(types))

    async def metrics(self) -> EvolutionMetrics:
        trials = list(self.by_id.values())
        completed = [trial for trial in trials if trial.status == "completed"]

        def mean(value: Callable[[StubTrial], float], decimals: int) -> float | None:
            return round(sum(map(value, completed)) / len(completed), decimals) if completed else None

        return EvolutionMetrics(
            total_trials=len(trials),
            active_trials=len(self.running()),
            completed_trials=len(completed),
            failed_trials=sum(trial.status == "failed" for trial in trials),
            total_patterns=sum(len(trial.patterns) for trial in trials),
            average_fitness=mean(lambda trial: trial.evolution.best.fitness, 3),
            average_generations=mean(lambda trial: trial.evolution.generation, 1),
            average_patterns_per_trial=mean(lambda trial: len(trial.patterns), 1),
        )

    async def overview(self) -> EvolutionStatus:
        """All running trials together."""
        running = self.running()
        return EvolutionStatus(
            active_trials=len(running),
            total_agents=sum(len(trial.evolution.population) for trial in running),
            generation=max((trial.evolution.generation for trial in running), default=0),
            fitness_average=_mean([trial.evolution.best.fitness for trial in running]),
            diversity_score=_mean([trial.evolution.diversity for trial in running]),
            service_status="healthy",
        )

    async def prometheus(self) -> str:
        return (
            "# TYPE dean_evolution_trials_active gauge\n"
            f"dean_evolution_trials_active {len(self.running())}\n"
            "# TYPE dean_evolution_trials_total counter\n"
            f"dean_evolution_trials_total {len(self.by_id)}\n"
        )

    async def history(self, trial_id: str) -> Sequence[TrialFrame]:
        """All frames of a trial so far; none of one that is not known."""
        trial = self.by_id.get(trial_id)
        return list(trial.frames) if trial else []

    def running(self) -> list[StubTrial]:
        return [trial for trial in self.by_id.values() if trial.status == "running"]

    def _trial(self, trial_id: str) -> StubTrial:
        if trial_id not in self.by_id:
            raise ApiError(404, TRIAL_NOT_FOUND)
        return self.by_id[trial_id]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
