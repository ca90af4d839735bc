"""Agents and populations of the IndexAgent stub; a population is bred on the small problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dean_airflow.services.contract.agents import Agent, AgentConfig, ChangeAgent, CreateAgent, Genome
from dean_airflow.services.contract.populations import CreatePopulation, Generation, GenerationStats, Population
from dean_airflow.testing.problem import Candidate, Evolution, Problem


def new_agent(agent_id: str, body: CreateAgent, now: datetime) -> Agent:
    """An agent whose fitness nobody has measured yet."""
    config = AgentConfig(
        name=body.name, language=body.language, capabilities=list(body.capabilities), parameters=dict(body.parameters)
    )
    return Agent(
        id=agent_id,
        name=body.name,
        config=config,
        created_at=now,
        token_budget=body.token_budget,
        tokens_consumed=0,
        parent_ids=[body.parent_id] if body.parent_id else [],
    )


def changed_agent(agent: Agent, change: ChangeAgent, now: datetime) -> Agent:
    """The agent with what the change names."""
    values = change.model_dump(exclude_unset=True, exclude={"config"})
    if change.config is not None:
        values["config"] = agent.config.model_copy(update=change.config.model_dump(exclude_none=True))
    return agent.model_copy(update={**{k: v for k, v in values.items() if v is not None}, "updated_at": now})


class StubPopulation:
    """A population. Its agents are the candidates that an `Evolution` breeds, so their fitness is measured."""

    def __init__(
        self,
        population_id: str,
        body: CreatePopulation,
        seed: str,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self.population_id, self.config, self._new_id, self._now = population_id, body, new_id, now
        self.created_at = now()
        self.evolution = Evolution(Problem(seed), body.size, seed)
        self._ids: dict[int, str] = {}
        self.agents = self._as_agents(measured=False)

    def advance(self) -> Generation:
        """Breeds one generation; an agent that survives keeps its id."""
        before = self.evolution.best.fitness
        self.evolution.advance()
        self.agents = self._as_agents(measured=True)
        best = self.agents[0]
        scores = [agent.fitness_score or 0.0 for agent in self.agents]
        stats = GenerationStats(
            best_fitness=best.fitness_score,
            avg_fitness=sum(scores) / len(scores),
            improvement=self.evolution.best.fitness - before,
        )
        return Generation(generation=self.evolution.generation, best_agent=best, population=self.agents, stats=stats)

    def shown(self) -> Population:
        scores = [agent.fitness_score for agent in self.agents if agent.fitness_score is not None]
        return Population(
            population_id=self.population_id,
            config=self.config.model_dump(mode="json", exclude_none=True),
            agents=self.agents,
            generation=self.evolution.generation,
            best_fitness=max(scores, default=None),
            avg_fitness=sum(scores) / len(scores) if scores else None,
            created_at=self.created_at,
        )

    def _as_agents(self, *, measured: bool) -> list[Agent]:
        population = self.evolution.population
        self._ids = {one.number: self._ids.get(one.number) or self._new_id() for one in population}
        return [self._as_agent(self._ids[one.number], one, measured) for one in population]

    def _as_agent(self, agent_id: str, candidate: Candidate, measured: bool) -> Agent:
        name = f"{self.config.agent_type or 'candidate'}-{candidate.number}"
        rank = {handler: place for place, handler in enumerate(candidate.order)}
        traits = {handler: 1 - place / (len(rank) - 1) for handler, place in rank.items()}
        return Agent(
            id=agent_id,
            name=name,
            config=AgentConfig(name=name),
            fitness_score=candidate.fitness if measured else None,
            generation=candidate.generation,
            created_at=self._now(),
            type=self.config.agent_type,
            population_id=self.population_id,
            genome=Genome(
                id=f"genome-{agent_id.removeprefix('agent-')}",
                traits=traits,
                strategies=list(candidate.order[:3]),
                mutation_rate=self.config.mutation_rate,
            ),
        )
