"""Answers the routes of IndexAgent from memory, as the real service answers them from store and index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dean_airflow.services.contract import agents as contract
from dean_airflow.services.contract.patterns import AppliedPattern, ApplyPattern, IndexPatternList, PatternQuery
from dean_airflow.services.contract.populations import (
    CreatePopulation,
    Generation,
    IndexAgentCounters,
    Population,
    PopulationMetrics,
    PopulationMetricsQuery,
)
from dean_airflow.services.contract.search import IndexStatus, IndexTriggered, Search, SearchAnswer, TriggerIndex
from dean_airflow.services.server.faults import ApiError
from dean_airflow.testing.indexagent_agents import StubPopulation, changed_agent, new_agent
from dean_airflow.testing.library import Library, shown_filters


class IndexAgentMemory:
    """An `IndexAgentApi`. `new_id` gives the next id with a prefix, `seed` the one of the next population."""

    def __init__(self, new_id: Callable[[str], str], seed: Callable[[], int], now: Callable[[], datetime]) -> None:
        self._new_id, self._seed, self._now = new_id, seed, now
        self.by_id: dict[str, contract.Agent] = {}
        """Oldest first."""
        self.populations: dict[str, StubPopulation] = {}
        self.library = Library()
        self._made = 0

    def clear(self) -> None:
        self.by_id.clear()
        self.populations.clear()
        self.library.clear()
        self._made = 0

    async def agents(self, query: contract.AgentQuery) -> contract.AgentList:
        found = [
            agent
            for agent in reversed(self.by_id.values())
            if query.status in (None, agent.status)
            and query.generation in (None, agent.generation)
            and query.type in (None, agent.type)
        ]
        page = found[query.offset : query.offset + query.limit]
        return contract.AgentList(agents=page, total=len(found), limit=query.limit, offset=query.offset)

    async def create_agent(self, body: contract.CreateAgent) -> contract.Agent:
        return self.add_agent(body)

    def add_agent(self, body: contract.CreateAgent, agent_id: str | None = None) -> contract.Agent:
        """400 for a parent there is not."""
        if body.parent_id is not None and body.parent_id not in self.by_id:
            raise ApiError(400, f"There is no agent {body.parent_id!r} to descend from.")
        agent = new_agent(agent_id or self._new_id("agent-"), body, self._now())
        self.by_id[agent.id] = agent
        self._made += 1
        return agent

    async def one_agent(self, agent_id: str) -> contract.Agent:
        return self._agent(agent_id)

    async def change_agent(self, agent_id: str, body: contract.ChangeAgent) -> contract.Agent:
        self.by_id[agent_id] = changed_agent(self._agent(agent_id), body, self._now())
        return self.by_id[agent_id]

    async def delete_agent(self, agent_id: str) -> contract.DeletedAgent:
        self._agent(agent_id)
        del self.by_id[agent_id]
        return contract.DeletedAgent(agent_id=agent_id)

    async def genome(self, agent_id: str) -> contract.Genome:
        agent = self._agent(agent_id)
        return agent.genome or contract.Genome(id=f"genome-{agent_id.removeprefix('agent-')}")

    async def lineage(self, agent_id: str) -> contract.Lineage:
        """Over parents that are still there."""
        ancestors: list[str] = []
        descendants: list[str] = []
        self._agent(agent_id)
        for found, next_of in ((ancestors, self._parents), (descendants, self._children)):
            ahead = [agent_id]
            while ahead:
                near = [one for one in next_of(ahead.pop(0)) if one not in found and one != agent_id]
                found += near
                ahead += near
        return contract.Lineage(ancestors=ancestors, descendants=descendants)

    async def create_population(self, body: CreatePopulation) -> Population:
        return self.add_population(body)

    def add_population(self, body: CreatePopulation, population_id: str | None = None) -> Population:
        population = StubPopulation(
            population_id or self._new_id("pop-"),
            body,
            f"{self._seed()}/{len(self.populations)}",
            lambda: self._new_id("agent-"),
            self._now,
        )
        self.populations[population.population_id] = population
        self.by_id.update({agent.id: agent for agent in population.agents})
        self._made += len(population.agents)
        return population.shown()

    async def advance(self, population_id: str) -> Generation:
        if population_id not in self.populations:
            raise ApiError(404, "Population not found")
        population = self.populations[population_id]
        before = {agent.id for agent in population.agents}
        generation = population.advance()
        after = {agent.id: agent for agent in population.agents}
        for gone in before - set(after):
            self.by_id.pop(gone, None)
        self._made += len(set(after) - before)
        self.by_id.update(after)
        return generation

    async def population_metrics(self, query: PopulationMetricsQuery) -> PopulationMetrics:
        agents = [
            agent
            for agent in self.by_id.values()
            if query.population_id in (None, agent.population_id)
            and (query.start_time is None or agent.created_at >= query.start_time)
            and (query.end_time is None or agent.created_at <= query.end_time)
        ]
        scores = [agent.fitness_score for agent in agents if agent.fitness_score is not None]
        return PopulationMetrics(
            total_agents=len(agents),
            active_populations=len({agent.population_id for agent in agents if agent.population_id}),
            patterns_discovered=len(self.library.patterns),
            average_fitness=sum(scores) / len(scores) if scores else None,
            metrics=await self.counters(),
        )

    async def counters(self) -> IndexAgentCounters:
        return IndexAgentCounters(
            agents_created=self._made,
            patterns_extracted=len(self.library.patterns),
            search_queries=self.library.queries,
            avg_query_time_ms=self.library.mean_milliseconds,
        )

    async def prometheus(self) -> str:
        return (
            "# TYPE dean_indexagent_agents gauge\n"
            f"dean_indexagent_agents {len(self.by_id)}\n"
            "# TYPE dean_indexagent_searches counter\n"
            f"dean_indexagent_searches {self.library.queries}\n"
        )

    async def search(self, body: Search) -> SearchAnswer:
        if not body.query.replace("\0", " ").split():
            raise ApiError(422, "query: there is no word in it.")
        return self.library.search(body)

    async def index_status(self) -> IndexStatus:
        return self.library.status()

    async def trigger_index(self, body: TriggerIndex) -> IndexTriggered:
        """Accepted for any repository; what is found in it is what the test gave the stub."""
        if body.repository is not None:
            self.library.register(body.repository, self._now())
        return IndexTriggered(repository=body.repository)

    async def patterns(self, query: PatternQuery) -> IndexPatternList:
        found = [
            pattern
            for pattern in self.library.patterns.values()
            if query.wanted_type in (None, pattern.type) and pattern.confidence >= query.min_confidence
        ]
        found.sort(key=lambda pattern: -pattern.confidence)
        page = found[query.offset : query.offset + query.limit]
        return IndexPatternList(patterns=page, total=len(found), filters=shown_filters(query))

    async def apply_pattern(self, body: ApplyPattern) -> AppliedPattern:
        """Agents that are there and do not know the pattern yet learn it."""
        if body.pattern_id not in self.library.patterns:
            raise ApiError(404, "Pattern not found")
        learning = {
            agent_id: self.by_id[agent_id]
            for agent_id in body.target_agents
            if agent_id in self.by_id and body.pattern_id not in (self.by_id[agent_id].patterns_discovered or ())
        }
        for agent_id, agent in learning.items():
            known = [*(agent.patterns_discovered or ()), body.pattern_id]
            self.by_id[agent_id] = agent.model_copy(update={"patterns_discovered": known, "updated_at": self._now()})
        return AppliedPattern(pattern_id=body.pattern_id, affected_agents=len(learning), timestamp=self._now())

    def _agent(self, agent_id: str) -> contract.Agent:
        if agent_id not in self.by_id:
            raise ApiError(404, "Agent not found")
        return self.by_id[agent_id]

    def _parents(self, agent_id: str) -> list[str]:
        agent = self.by_id.get(agent_id)
        return list(agent.parent_ids or ()) if agent else []

    def _children(self, agent_id: str) -> list[str]:
        return [agent.id for agent in self.by_id.values() if agent_id in (agent.parent_ids or ())]
