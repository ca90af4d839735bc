"""Populations: agents that evolve together, in IndexAgent."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from dean_airflow.services.contract.agents import Agent
from dean_airflow.services.contract.base import Answer, Count, Id, Name, Parameters, Query, Request, Share, UtcTime

SelectionMethod = Literal["tournament", "roulette", "rank", "elitist"]


class CreatePopulation(Request):
    """POST /evolution/population."""

    size: int = Field(default=10, ge=5, le=100)
    mutation_rate: float = Field(default=0.1, ge=0.0, le=1.0)
    crossover_rate: float = Field(default=0.7, ge=0.0, le=1.0)
    selection_method: SelectionMethod = "tournament"
    agent_type: Name | None = None
    config: Parameters = Field(default_factory=dict)


class Population(Answer):
    """Fitness is None until an agent of it was measured."""

    population_id: str
    config: Parameters
    agents: list[Agent]
    generation: Count = 0
    best_fitness: Share | None = None
    avg_fitness: Share | None = None
    created_at: UtcTime


class NextGeneration(Request):
    """POST /evolution/generation; the id may also come in the query."""

    population_id: Id


class GenerationStats(Answer):
    best_fitness: Share | None = None
    avg_fitness: Share | None = None
    improvement: float | None = None


class Generation(Answer):
    generation: Count
    best_agent: Agent | None = None
    population: list[Agent]
    stats: GenerationStats


class PopulationMetricsQuery(Query):
    """GET /evolution/metrics of IndexAgent. Times carry an offset."""

    population_id: Id | None = None
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None


class IndexAgentCounters(Answer):
    agents_created: Count
    patterns_extracted: Count
    search_queries: Count
    avg_query_time_ms: float | None = None


class PopulationMetrics(Answer):
    total_agents: Count
    active_populations: Count
    patterns_discovered: Count
    average_fitness: Share | None = None
    metrics: IndexAgentCounters
