"""What the Evolution stub knows: trials that breed a population on the small problem, and the patterns they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dean_airflow.services.contract.patterns import Pattern
from dean_airflow.services.contract.trials import (
    StartTrial,
    Trial,
    TrialMetadata,
    TrialResult,
    TrialStatus,
)
from dean_airflow.services.contract.websocket import TrialFrame
from dean_airflow.services.evolution.feed import frame_text
from dean_airflow.services.server.hub import Hub
from dean_airflow.testing.problem import Evolution, Problem
from dean_airflow.testing.scenario import Play, Scenario, StepName

_LEADERS = 3
"""Places at the front of an order; a handler that most of a population keeps there is a pattern."""
_CONFIDENT = 0.7
"""Share of the population that must agree before it is told: the contract's limit for a pattern."""


class StubTrial:
    """A trial. Its fitness is what `problem` measures; `play` takes it through its scenario."""

    def __init__(
        self,
        trial_id: str,
        config: StartTrial,
        scenario: Scenario,
        ordinal: int,
        hub: Hub,
        now: Callable[[], datetime],
    ) -> None:
        self.trial_id, self.config, self._now, self._hub = trial_id, config, now, hub
        self.status: TrialStatus = "initializing"
        self.started_at = now()
        self.completed_at: datetime | None = None
        self.error: str | None = None
        self.stop_reason: str | None = None
        self.patterns: list[Pattern] = []
        self.frames: list[TrialFrame] = []
        """What was told of it so far."""
        seed = f"{scenario.seed}/{ordinal}"
        self.problem = Problem(seed)
        self.evolution = Evolution(self.problem, config.population_size, seed)
        self.play = Play(scenario, self.apply)

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    def apply(self, step: StepName) -> None:
        """One step of the scenario."""
        if step == "start":
            self.status = "running"
            self._tell("started", f"Trial {self.trial_id} started")
        elif step == "generation":
            self._breed()
        elif step == "complete":
            self._end("completed", "generations")
        elif step == "fail":
            self.error = self.play.scenario.error
            self._end("failed", None)

    def cancel(self) -> None:
        self._end("cancelled", None)

    def _breed(self) -> None:
        best = self.evolution.advance()
        generation = self.evolution.generation
        for pattern in self._new_patterns():
            self.patterns.append(pattern)
            found = {"id": pattern.id, "type": pattern.type, "confidence": pattern.confidence}
            self._tell("pattern", f"Pattern {pattern.name} discovered", {"pattern": found})
        data = {"generation": generation, "fitness": best.fitness, "improvement": self.evolution.improvements[-1]}
        self._tell("progress", f"Generation {generation} completed", data)
        if best.fitness >= self.config.fitness_threshold:
            self._end("completed", "fitness_threshold")
        elif generation >= self.config.generations:
            self._end("completed", "generations")

    def _new_patterns(self) -> list[Pattern]:
        """Handlers that most of the population has come to try early, where that alone is measured to pay."""
        population = self.evolution.population
        early = Counter(handler for candidate in population for handler in candidate.order[:_LEADERS])
        known = {pattern.name for pattern in self.patterns}
        found = []
        for handler, count in sorted(early.items()):
            confidence, name = count / len(population), f"{handler} early"
            if confidence < _CONFIDENT or name in known:
                continue
            baseline = self.problem.baseline.order
            alone = self.problem.measure((handler, *(one for one in baseline if one != handler)), 0).fitness
            if alone <= 0:
                continue
            found.append(
                Pattern(
                    id=f"pattern-{self.trial_id.removeprefix('trial-')}-{handler}",
                    trial_id=self.trial_id,
                    name=name,
                    type="optimization",
                    description=f"Trying the handler {handler} among the first {_LEADERS} saves comparisons",
                    confidence=confidence,
                    effectiveness=alone,
                    occurrences=count,
                    impact_score=confidence * alone,
                    discovered_at=self._now(),
                    generation=self.evolution.generation,
                    repositories=[self.config.repository],
                )
            )
        return found

    def _end(self, status: TrialStatus, reason: str | None) -> None:
        self.status, self.completed_at, self.stop_reason = status, self._now(), reason
        self.play.stop()
        self._tell(status, f"Trial {self.trial_id} {status}" + (f": {self.error}" if self.error else ""))

    def _tell(self, event: Any, message: str, data: dict[str, Any] | None = None) -> None:
        frame = TrialFrame(trial_id=self.trial_id, message=message, timestamp=self._now(), data=data or {}, event=event)
        self.frames.append(frame)
        self._hub.publish(self.trial_id, len(self.frames), frame_text(frame))

    def shown(self) -> Trial:
        return Trial(
            trial_id=self.trial_id,
            repository=self.config.repository,
            config=self.config.model_dump(mode="json", exclude_none=True),
            status=self.status,
            started_at=self.started_at,
            completed_at=self.completed_at,
            current_generation=self.evolution.generation,
            best_fitness=self.evolution.best.fitness,
            improvements=self.evolution.improvements,
            patterns_discovered=len(self.patterns),
            error=self.error,
            total_generations=min(self.config.generations, self.play.scenario.generations),
            diversity=self.evolution.diversity,
            stop_reason=self.stop_reason,
        )

    def result(self) -> TrialResult:
        improvements = self.evolution.improvements
        ended = self.completed_at or self._now()
        return TrialResult(
            trial_id=self.trial_id,
            repository=self.config.repository,
            status=self.status,
            generations_completed=self.evolution.generation,
            final_fitness=self.evolution.best.fitness,
            total_improvements=sum(improvements),
            patterns_discovered=[pattern.id for pattern in self.patterns],
            execution_time_seconds=(ended - self.started_at).total_seconds(),
            metadata=TrialMetadata(
                initial_fitness=self.problem.baseline.fitness,
                improvement_rate=sum(improvements) / len(improvements) if improvements else None,
            ),
        )
