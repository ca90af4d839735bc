"""Trials: what the Evolution API starts, tells about and cancels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dean_airflow.services.contract.base import (
    Answer,
    Count,
    Id,
    Ids,
    ListAnswer,
    PagedAnswer,
    PagedQuery,
    Parameters,
    Query,
    RepositoryName,
    Request,
    Share,
    UtcTime,
)
from dean_airflow.services.contract.populations import SelectionMethod

TrialStatus = Literal["pending", "initializing", "running", "monitoring", "completed", "failed", "cancelled"]
TERMINAL = ("completed", "failed", "cancelled")
REQUEST_KEY = "request_key"
"""Name in a trial's `parameters` of the key its caller made, by which a start whose answer was lost is found again."""

_Rule = Annotated[int, Field(ge=0, le=255)]


class TrialConstraints(Request):
    max_tokens: int | None = Field(default=None, ge=1)
    max_time_seconds: int | None = Field(default=None, ge=1)


class StartTrial(Request):
    """POST /evolution/start. `fitness_threshold` ends the trial early; ranges are the contract's widest."""

    repository: RepositoryName
    generations: int = Field(default=10, ge=1, le=100)
    population_size: int = Field(default=20, ge=5, le=100)
    mutation_rate: float = Field(default=0.1, ge=0.0, le=1.0)
    crossover_rate: float = Field(default=0.7, ge=0.0, le=1.0)
    fitness_threshold: float = Field(default=0.9, ge=0.0, le=1.0)
    max_runtime_minutes: int = Field(default=30, ge=1, le=120)
    parameters: Parameters = Field(default_factory=dict)
    population_ids: Ids | None = None
    token_budget: int | None = Field(default=None, ge=1)
    diversity_threshold: float = Field(default=0.3, ge=0.1, le=1.0)
    selection_method: SelectionMethod | None = None
    cellular_automata_rules: Annotated[list[_Rule], Field(max_length=256)] | None = None
    constraints: TrialConstraints | None = None


class Trial(Answer):
    """`config` is what it was started with; `improvements` holds each generation's gain in best fitness."""

    trial_id: str
    repository: str
    config: Parameters
    status: TrialStatus
    started_at: UtcTime
    completed_at: UtcTime | None = None
    current_generation: Count = 0
    best_fitness: Share = 0.0
    improvements: list[float] = Field(default_factory=list)
    patterns_discovered: Count = 0
    error: str | None = None
    total_generations: Count | None = None
    diversity: Share | None = None
    tokens_used: Count | None = None
    paused: bool | None = None
    stop_reason: str | None = None

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


class CancelledTrial(Answer):
    status: Literal["cancelled"] = "cancelled"
    trial_id: str


class TrialQuery(PagedQuery):
    repository: RepositoryName | None = None
    status: TrialStatus | None = None


class TrialList(PagedAnswer):
    """Newest start first."""

    trials: list[Trial]


OF_A_DEAN = (
    "outcome",
    "speedup",
    "speedup_interval",
    "evaluations",
    "candidates_per_second",
    "branch",
    "branch_in",
    "patch",
    "bundle",
    "report",
    "champion_edits",
)
"""What a DEAN's trials come to beyond the contract, in its results' metadata; no other service need know of it."""


class TrialMetadata(Answer):
    """A DEAN adds what OF_A_DEAN names."""

    model_config = ConfigDict(frozen=True, extra="allow")

    initial_fitness: Share | None = None
    improvement_rate: float | None = None


class TrialResult(Answer):
    """`total_improvements` is the sum of a trial's improvements, so final less initial fitness."""

    trial_id: str
    repository: str
    status: TrialStatus
    generations_completed: Count
    final_fitness: Share
    total_improvements: float
    patterns_discovered: list[str | Parameters]
    execution_time_seconds: float
    metadata: TrialMetadata = Field(default_factory=TrialMetadata)


class ResultQuery(Query):
    repository: RepositoryName | None = None
    min_fitness: float | None = Field(default=None, ge=0.0, le=1.0)
    limit: int = Field(default=100, ge=1, le=1000)


class ResultList(ListAnswer):
    """Best fitness first."""

    results: list[TrialResult]


class EvolutionMetrics(Answer):
    """Averages are over completed trials, None while there are none; fitness has 3 decimals, the others 1."""

    total_trials: Count
    active_trials: Count
    completed_trials: Count
    failed_trials: Count
    total_patterns: Count
    average_fitness: Share | None = None
    average_generations: float | None = None
    average_patterns_per_trial: float | None = None


class EvolutionStatus(Answer):
    """ext `evolution-status`."""

    active_trials: Count
    total_agents: Count
    generation: Count
    fitness_average: Share | None = None
    diversity_score: Share | None = None
    service_status: str


class TrialReference(Request):
    """POST /evolution/pause and /evolution/resume, ext `trial-pause`."""

    trial_id: Id
