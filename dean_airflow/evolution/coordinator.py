"""Runs a whole trial outside Airflow: the one class for programs, notebooks and the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from dean_airflow.errors import DeanError
from dean_airflow.evolution import trial as stages
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.store.ids import new_trial_id
from dean_airflow.store.store import Store

Progress = Callable[[dict[str, Any]], Awaitable[None] | None]
"""Gets every new generation once and in order: `trial_id, island, number, best_fitness, diversity, ...`."""


class TrialEngine(Protocol):
    """Whoever runs the trial: the embedded engine here, a service elsewhere."""

    @property
    def own_params(self) -> frozenset[str]:
        """Names of params that say how it runs a trial, and are none of the trial's own."""
        ...

    def with_params(self, params: Mapping[str, Any]) -> TrialEngine:
        """The engine with those of its own params. Raises DeanError for one out of range."""
        ...

    def run(self, trial_id: str, config: TrialConfig, progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The final result. Raises DeanError."""
        ...

    def patterns_of(self, result: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The patterns of the trial with this result, each with at least `type` and `confidence`."""
        ...


class TrialRunners(Protocol):
    """A service pool, as the coordinator sees it."""

    def trial_runner(self) -> tuple[Store, TrialEngine]:
        """The store in which its trials are kept, and what runs them there. Raises DeanError."""
        ...


@dataclass(frozen=True)
class TrialResult:
    """How one trial ended. `status` is completed, failed or cancelled; times are aware."""

    trial_id: str
    repository: str
    status: str
    start_time: datetime
    end_time: datetime
    generations_completed: int
    best_fitness: float
    improvements: list[float]
    """Gain in best fitness, one a generation."""
    patterns: list[dict[str, Any]]
    errors: list[str]
    stop_reason: str | None
    result: dict[str, Any]
    """The final result's fields, as in the reference."""

    @property
    def duration_seconds(self) -> float:
        return (self.end_time - self.start_time).total_seconds()

    @property
    def success_rate(self) -> float:
        """Generations with a gain among all of them, 0..1; 0 without any."""
        return sum(gain > 0 for gain in self.improvements) / len(self.improvements) if self.improvements else 0.0

    @property
    def mean_improvement(self) -> float:
        """Mean gain over generations, 0 without any."""
        return sum(self.improvements) / len(self.improvements) if self.improvements else 0.0

    @property
    def best_improvement(self) -> float:
        """Largest gain of one generation, 0 without any."""
        return max(self.improvements, default=0.0)


class EmbeddedEngine:
    """The stages, called one after the other in this process: the same functions that Airflow's tasks call."""

    own_params: frozenset[str] = frozenset()

    def __init__(self, engine: Engine, default_islands: int = 1) -> None:
        self.engine, self.default_islands = engine, default_islands

    def with_params(self, params: Mapping[str, Any]) -> EmbeddedEngine:
        """Itself: it has no params of its own."""
        return self

    def patterns_of(self, result: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Which kinds of edit the trial tried where, and how certain it is that they pay there."""
        return [
            {"type": pattern.kind, "context": pattern.context, "confidence": pattern.confidence}
            for pattern in self.engine.store.patterns.of_trial(str(result["trial_id"]))
        ]

    def run(self, trial_id: str, config: TrialConfig, progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The final result; the trial is closed whatever happened. Raises DeanError, after closing."""
        # An execution of its own: a trial that somebody stops meanwhile is not taken up again by its next stage.
        engine = replace(self.engine, execution=self.engine.execution or uuid4().hex)
        try:
            stages.preflight(config, engine)
            opened = stages.open_trial(trial_id, config, engine, default_islands=self.default_islands)
            heard = 0
            for island in opened["islands"]:
                stages.evolve_island(trial_id, island, engine)
                heard = self._tell(trial_id, heard, progress)
            stages.confirm_champion(trial_id, engine)
            stages.validate_champion(trial_id, engine)
            stages.publish(trial_id, engine)
            stages.catalogue_patterns(trial_id, engine)
        except DeanError as error:
            stages.fail_trial(trial_id, engine, str(error))
            stages.close_trial(trial_id, engine, succeeded=False)
            raise
        except BaseException:
            stages.close_trial(trial_id, engine, succeeded=False)
            raise
        return stages.close_trial(trial_id, engine, succeeded=True)

    def _tell(self, trial_id: str, heard: int, progress: Callable[[dict[str, Any]], None]) -> int:
        for event in self.engine.store.events.since(trial_id, heard):
            heard = event.sequence
            if event.kind == "generation":
                progress({"trial_id": trial_id, **event.data})
        return heard


class EvolutionTrialCoordinator:
    """Starts trials and reports how they ended; never raises for a trial that fails."""

    def __init__(
        self,
        engine: Engine | TrialRunners,
        config: Mapping[str, Any],
        progress: Progress | None = None,
        runner: TrialEngine | None = None,
    ) -> None:
        """`config` holds params that apply to every trial, and the runner's own, such as `timeout_seconds`.

        `runner` is the embedded engine unless given, or for a service pool what runs trials there. Raises DeanError
        for a pool that runs none.
        """
        self.config, self.progress = dict(config), progress
        self.say: Callable[[str], object] = lambda line: None
        if isinstance(engine, Engine):
            self.store, self.say = engine.store, engine.progress
            self.runner: TrialEngine = runner or EmbeddedEngine(engine)
        else:
            self.store, remote = engine.trial_runner()
            self.runner = runner or remote

    def run_trial(self, repository: str, config_overrides: Mapping[str, Any] | None = None) -> TrialResult:
        """One trial of one repository; overrides hold for it alone. Any failure is in the result's `errors`."""
        trial_id = new_trial_id()
        started = self.store.now()
        errors: list[str] = []
        result: dict[str, Any] = {"status": "failed", "stop_reason": "error"}
        try:
            params = {**self.config, **(config_overrides or {}), "repository": repository}
            own = {name: params.pop(name) for name in self.runner.own_params if name in params}
            result = self.runner.with_params(own).run(trial_id, TrialConfig.build(params), self._tell)
        except DeanError as error:
            errors.append(str(error))
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        return self._result(trial_id, repository, started, result, errors)

    def run_trials(
        self, repositories: Iterable[str], config_overrides: Mapping[str, Any] | None = None
    ) -> list[TrialResult]:
        """One trial a repository, one after the other; a failed one does not keep the next from running."""
        return [self.run_trial(repository, config_overrides) for repository in repositories]

    def _tell(self, generation: dict[str, Any]) -> None:
        """A failing listener does not fail the trial."""
        if self.progress is None:
            return
        try:
            heard = self.progress(generation)
            if asyncio.iscoroutine(heard):
                asyncio.run(heard)
        except Exception as error:
            self.say(f"The progress callback failed: {type(error).__name__}: {error}")

    def _result(
        self, trial_id: str, repository: str, started: datetime, result: dict[str, Any], errors: list[str]
    ) -> TrialResult:
        known = {trial.id: trial for trial in self.store.trials.list(repository=repository)}
        trial = known.get(trial_id)
        kept = trial.result if trial else None  # also what is known of a trial that failed
        result = {**(kept or result), "trial_id": trial_id}
        return TrialResult(
            trial_id=trial_id,
            repository=repository,
            status=trial.status if trial else str(result["status"]),
            start_time=started,
            end_time=self.store.now(),
            generations_completed=trial.current_generation if trial else 0,
            best_fitness=trial.best_fitness if trial else 0.0,
            improvements=list(trial.improvements) if trial else [],
            patterns=self.runner.patterns_of(result) if trial else [],
            errors=errors,
            stop_reason=(trial.stop_reason if trial else None) or str(result["stop_reason"]),
            result=result,
        )
