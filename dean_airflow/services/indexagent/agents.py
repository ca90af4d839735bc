"""Agents between the store and the contract."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dean_airflow.services.contract.agents import Agent, AgentConfig, ChangeAgent, CreateAgent, Genome
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.agents import StoredAgent, new_agent_id

NEXT = {
    "active": {"evolving", "idle", "archived", "terminated"},
    "evolving": {"active", "archived", "terminated"},
    "idle": {"active", "archived", "terminated"},
    "archived": set[str](),
    "terminated": set[str](),
}
"""Which status may follow which; from the contract's vocabulary."""


def agent_of(agent: StoredAgent) -> Agent:
    config = {"name": agent.name, **agent.config}
    return Agent(
        id=agent.id,
        name=agent.name,
        config=AgentConfig(**config),
        fitness_score=agent.fitness,
        generation=agent.generation,
        created_at=agent.created_at,
        status=agent.status,
        updated_at=agent.updated_at,
        token_budget=agent.token_budget,
        genome=genome_of(agent),
        patterns_discovered=agent.patterns,
        parent_ids=agent.parents,
        population_id=agent.population_id,
        type=agent.type,
    )


def genome_of(agent: StoredAgent) -> Genome:
    known = agent.genome
    strategies = [str(one) for one in known.get("strategies", [])]
    return Genome(
        id=genome_id(known),
        traits={str(name): min(1.0, max(0.0, float(value))) for name, value in known.get("traits", {}).items()},
        strategies=strategies,
        mutation_rate=known.get("mutation_rate"),
        crossover_points=list(range(1, len(strategies))),
    )


def genome_id(genome: Mapping[str, Any]) -> str:
    """The same for the same traits and strategies."""
    content = repr((sorted(genome.get("traits", {}).items()), list(genome.get("strategies", []))))
    return "genome-" + hashlib.sha256(content.encode()).hexdigest()[:16]


def new_agent(body: CreateAgent, parent: StoredAgent | None, now: datetime) -> StoredAgent:
    """An agent as a client asks for it; with a parent it has the parent's genome, one generation on."""
    template = body.genome_template if isinstance(body.genome_template, dict) else {}
    config: dict[str, Any] = {
        "language": body.language,
        "capabilities": list(body.capabilities),
        "parameters": dict(body.parameters),
    }
    if isinstance(body.genome_template, str):
        config["parameters"]["genome_template"] = body.genome_template
    if body.goal is not None:
        config["parameters"]["goal"] = body.goal
    return StoredAgent(
        id=new_agent_id(),
        name=body.name,
        type=None,
        status="active",
        generation=0 if parent is None else parent.generation + 1,
        fitness=None,
        created_at=now,
        config=config,
        genome=dict(parent.genome) if parent is not None and not template else _clean(template),
        token_budget=body.token_budget,
        parents=[] if parent is None else [parent.id],
    )


def changed(agent: StoredAgent, body: ChangeAgent) -> dict[str, Any]:
    """The columns that a change means. Raises ApiError 400 for a status that cannot follow the present one."""
    if body.status is not None and body.status != agent.status and body.status not in NEXT.get(agent.status, set()):
        raise ApiError(400, f"An agent that is {agent.status} cannot become {body.status}.")
    given = {
        "name": body.name,
        "fitness": body.fitness_score,
        "generation": body.generation,
        "status": body.status,
        "token_budget": body.token_budget,
        "patterns": body.patterns_discovered,
        "parents": body.parent_ids,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if body.config is not None:
        config = body.config.model_dump(exclude_none=True)
        if "name" in config:
            changes.setdefault("name", config.pop("name"))
        changes["config"] = {**agent.config, **config}
    return changes


def _clean(template: Mapping[str, Any]) -> dict[str, Any]:
    """What of a template is a genome: numbers 0..1 as traits, texts as strategies."""
    traits, strategies = template.get("traits"), template.get("strategies")
    kept: dict[str, Any] = {}
    if isinstance(traits, dict):
        kept["traits"] = {
            str(name)[:250]: float(value)
            for name, value in traits.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        }
    if isinstance(strategies, list):
        kept["strategies"] = [str(one)[:250] for one in strategies if isinstance(one, str)]
    return kept
