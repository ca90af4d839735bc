"""Agents: in DEAN, candidates that IndexAgent keeps and knows the descent of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dean_airflow.services.contract.base import (
    Answer,
    Count,
    Id,
    Ids,
    Name,
    Names,
    PagedAnswer,
    PagedQuery,
    Parameters,
    Request,
    Share,
    Text,
    UtcTime,
)

AgentStatus = Literal["active", "evolving", "idle", "archived", "terminated"]
CAPABILITIES = ("search", "analyze", "evolve")


class AgentConfig(Answer):
    name: str
    language: str = "python"
    capabilities: list[str] = Field(default_factory=lambda: list(CAPABILITIES))
    parameters: Parameters = Field(default_factory=dict)


class Genome(Answer):
    """`traits` are 0..1 by name; `crossover_points` are indices into the strategies."""

    id: str
    traits: dict[str, Share] = Field(default_factory=dict)
    strategies: list[str] = Field(default_factory=list)
    mutation_rate: Share | None = None
    crossover_points: list[int] = Field(default_factory=list)


class Agent(Answer):
    """`fitness_score` is None until measured, which is not zero."""

    id: str
    name: str
    config: AgentConfig
    fitness_score: Share | None = None
    generation: Count = 0
    created_at: UtcTime
    status: str = "active"
    updated_at: UtcTime | None = None
    token_budget: Count | None = None
    tokens_consumed: Count | None = None
    genome: Genome | None = None
    patterns_discovered: list[str] | None = None
    parent_ids: list[str] | None = None
    population_id: str | None = None
    type: str | None = None


class AgentQuery(PagedQuery):
    status: Literal["active", "evolving", "archived"] | None = None
    generation: int | None = Field(default=None, ge=0, le=2**31)
    type: Name | None = None


class AgentList(PagedAnswer):
    agents: list[Agent]


class CreateAgent(Request):
    """POST /agents."""

    name: Name
    language: Name = "python"
    capabilities: Names = Field(default_factory=lambda: list(CAPABILITIES))
    parameters: Parameters = Field(default_factory=dict)
    token_budget: int = Field(default=4096, ge=100, le=10**9)
    genome_template: Name | Parameters | None = None
    goal: Text | None = None
    parent_id: Id | None = None


class AgentConfigChange(Request):
    name: Name | None = None
    language: Name | None = None
    capabilities: Names | None = None
    parameters: Parameters | None = None


class ChangeAgent(Request):
    """PATCH /agents/{id}: what is left out stays as it is."""

    name: Name | None = None
    config: AgentConfigChange | None = None
    fitness_score: Share | None = None
    generation: int | None = Field(default=None, ge=0, le=2**31)
    status: AgentStatus | None = None
    token_budget: int | None = Field(default=None, ge=100, le=10**9)
    patterns_discovered: Names | None = None
    parent_ids: Ids | None = None


class DeletedAgent(Answer):
    status: Literal["deleted"] = "deleted"
    agent_id: str


class Lineage(Answer):
    """Ids of agents, nearest first."""

    ancestors: list[str]
    descendants: list[str]
