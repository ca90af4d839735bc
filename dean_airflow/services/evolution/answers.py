"""What the store knows, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dean_airflow.services.contract.patterns import Pattern
from dean_airflow.services.contract.trials import OF_A_DEAN, Trial, TrialMetadata, TrialResult
from dean_airflow.services.evolution.starting import request_of
from dean_airflow.store.discoveries import Discovery, ServedView
from dean_airflow.store.service_patterns import ServicePattern

INNOVATION, OPTIMIZATION = 0.3, 0.2
"""Measured benefits from which a pattern is called so; from the contract's vocabulary."""


def trial_of(view: ServedView) -> Trial:
    """A trial as it stands."""
    trial = view.trial
    return Trial(
        trial_id=trial.id,
        repository=trial.repository,
        config=view.request if view.request is not None else request_of(trial.config),
        status=trial.status,  # type: ignore[arg-type]
        started_at=trial.started_at or trial.created_at,
        completed_at=trial.completed_at,
        current_generation=trial.current_generation,
        best_fitness=_share(trial.best_fitness),
        improvements=trial.improvements,
        patterns_discovered=view.patterns,
        error=trial.error,
        total_generations=trial.config.get("generations"),
        diversity=None if view.diversity is None else _share(view.diversity),
        stop_reason=trial.stop_reason,
    )


def result_of(view: ServedView, patterns: Sequence[str]) -> TrialResult:
    """What a completed trial came to; `patterns` are the ids of those that won in it."""
    trial = view.trial
    started, ended = trial.started_at or trial.created_at, trial.completed_at or trial.updated_at
    total = sum(trial.improvements)
    return TrialResult(
        trial_id=trial.id,
        repository=trial.repository,
        status=trial.status,  # type: ignore[arg-type]
        generations_completed=trial.current_generation,
        final_fitness=_share(trial.best_fitness),
        total_improvements=total,
        patterns_discovered=list(patterns),
        execution_time_seconds=max(0.0, (ended - started).total_seconds()),
        metadata=TrialMetadata(
            initial_fitness=_share(trial.best_fitness - total),
            improvement_rate=total / trial.current_generation if trial.current_generation else 0.0,
            **{name: value for name, value in (trial.result or {}).items() if name in OF_A_DEAN},
        ),
    )


def pattern_of(found: Discovery) -> Pattern:
    """A pattern that won."""
    pattern = found.pattern
    return Pattern(
        id=pattern.id,
        trial_id=found.trial_id,
        name=f"{pattern.kind} in {pattern.context}"[:250],
        type=type_of(pattern.effectiveness),
        description=describe(found),
        confidence=pattern.confidence,
        effectiveness=pattern.effectiveness,
        occurrences=pattern.confirmed_wins,
        impact_score=pattern.impact,
        discovered_at=pattern.discovered_at,
        generation=found.generation,
        repositories=found.repositories,
    )


def pattern_told(told: ServicePattern) -> Pattern:
    """A pattern that another service found, and told."""
    return Pattern(
        id=told.id,
        trial_id=told.trial_id or "",
        name=told.name,
        type=told.type,
        description=told.description,
        confidence=_share(told.confidence),
        effectiveness=told.effectiveness,
        occurrences=told.occurrences or 0,
        impact_score=told.impact_score if told.impact_score is not None else 0.0,
        discovered_at=told.first_seen_at or datetime.now(UTC),
        generation=int(told.details.get("generation", 0)),
        repositories=list(told.details.get("repositories", ())),
    )


def describe(found: Discovery) -> str:
    pattern = found.pattern
    saved = "" if pattern.effectiveness is None else f", where it saved {pattern.effectiveness:.1%} of the cost"
    return (
        f"The edit {pattern.kind} in code of the shape {pattern.context!r}: {pattern.confirmed_wins} confirmed{saved}."
    )


def type_of(effectiveness: float | None) -> str:
    """The pattern's type by its measured benefit."""
    benefit = effectiveness or 0.0
    return "innovation" if benefit >= INNOVATION else "optimization" if benefit >= OPTIMIZATION else "performance"


def _share(value: float) -> float:
    """Rounding may leave a sum a hair outside 0..1."""
    return min(1.0, max(0.0, value))
