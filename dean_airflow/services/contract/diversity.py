"""Diversity, ext `diversity`: how different the members of a population are. 0.3 and more is healthy, 0.15 critical."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dean_airflow.services.contract.base import Answer, Count, Id, Names, Query, Request, Share, SomeIds

HEALTHY, CRITICAL = 0.3, 0.15
"""Mean pairwise genome distance: below the first a warning, below the second an emergency."""


class PopulationDiversityRequest(Request):
    """POST /diversity/population of IndexAgent."""

    population_ids: SomeIds


class PopulationDiversity(Answer):
    """`genetic_variance` and `diversity_score` are the same number."""

    genetic_variance: Share
    diversity_score: Share
    trait_diversity: dict[str, float] = Field(default_factory=dict)
    strategy_diversity: float
    recommendation: Literal["healthy", "warning", "critical"]


class InjectMutation(Request):
    """POST /diversity/inject-mutation of IndexAgent."""

    population_ids: SomeIds
    mutation_strength: float = Field(ge=0.0, le=1.0)


class AppliedMutation(Answer):
    agent_id: str
    mutation_type: str


class InjectedMutations(Answer):
    agents_mutated: Count
    diversity_before: Share
    diversity_after: Share
    mutations_applied: list[AppliedMutation]


class DiversityQuery(Query):
    population_id: Id | None = None


class DiversityMetrics(Answer):
    """GET /diversity/metrics of the Evolution API."""

    diversity_score: Share
    similarity: Share
    variance: float
    entropy: float
    unique_strategies: Count


class RegisterAgent(Request):
    """POST /diversity/agents/register of the Evolution API."""

    agent_id: Id
    strategies: Names = Field(default_factory=list)
    lineage: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    generation: int = Field(default=0, ge=0, le=2**31)


class RegisteredAgent(Answer):
    status: Literal["registered"] = "registered"
    agent_id: str


class CheckDiversity(Request):
    """POST /diversity/check of the Evolution API."""

    agent_ids: SomeIds


class DiversityCheck(Answer):
    population_size: Count
    diversity_score: Share
    threshold: Share
    needs_intervention: bool
    recommendations: list[str]


class CheckIntervention(Request):
    population_id: Id


class InterventionCheck(Answer):
    needed: bool
    reason: Literal["low_variance", "high_convergence", "low_entropy", "high_clustering", "stagnation"] | None = None


class ApplyIntervention(Request):
    agent_id: Id
    type: Literal["mutation", "foreign_import", "crossover", "lineage_reset"]


class AppliedIntervention(Answer):
    """Diversity of the agent's population, before and after."""

    agent_id: str
    type: str
    before: Share
    after: Share
