"""What the IndexAgent stub knows: agents, populations bred on the small problem, patterns, and files to search."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dean_airflow.services.contract.agents import Agent, AgentConfig, ChangeAgent, CreateAgent, Genome
from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.populations import CreatePopulation, Generation, GenerationStats, Population
from dean_airflow.services.contract.search import Search, SearchAnswer, SearchHit
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


@dataclass
class Library:
    """Files that can be searched, and the patterns that are known."""

    files: dict[tuple[str, str], str] = field(default_factory=dict)
    """Text by repository and path."""
    patterns: dict[str, IndexPattern] = field(default_factory=dict)
    updated_at: datetime | None = None
    queries: int = 0
    milliseconds: float = 0.0

    def add(self, repository: str, files: dict[str, str], now: datetime) -> None:
        """Indexes these files of a repository: text by path."""
        self.files.update({(repository, path): text for path, text in files.items()})
        self.updated_at = now

    def search(self, search: Search) -> SearchAnswer:
        """Lines that hold words of the query, those with most of them first; the score is the share of words held."""
        begun = time.perf_counter()
        words = search.query.lower().split()
        hits = [
            hit
            for (repository, path), text in sorted(self.files.items())
            if self._wanted(search, repository, path)
            for hit in _hits(repository, path, text, words)
            if hit.score >= (search.filters.min_score or 0.0)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.repository, hit.file_path, hit.line_number))
        took = 1000 * (time.perf_counter() - begun)
        self.queries, self.milliseconds = self.queries + 1, self.milliseconds + took
        return SearchAnswer(
            query=search.query, results=hits[: search.limit], total_results=len(hits), execution_time_ms=took
        )

    @staticmethod
    def _wanted(search: Search, repository: str, path: str) -> bool:
        suffixes = tuple("." + suffix.lstrip(".") for suffix in search.file_types)
        if search.filters.language == "python" and not suffixes:
            suffixes = (".py",)
        return (not search.repositories or repository in search.repositories) and (
            not suffixes or path.endswith(suffixes)
        )


def _hits(repository: str, path: str, text: str, words: list[str]) -> Iterable[SearchHit]:
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        held = sum(word in line.lower() for word in words)
        if held:
            yield SearchHit(
                id=f"{repository}:{path}:{number}",
                score=held / len(words),
                repository=repository,
                file_path=path,
                line_number=number,
                snippet=line,
                context="\n".join(lines[max(0, number - 3) : number + 2]),
            )


def shown_filters(query: Any) -> dict[str, Any]:
    """The filters of a query that were used, as a list of patterns tells them."""
    return {
        name: value
        for name, value in query.model_dump(exclude_unset=True).items()
        if name not in ("limit", "offset") and value is not None
    }
