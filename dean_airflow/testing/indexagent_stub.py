"""A stub of IndexAgent: agents and populations in memory, bred on the small problem, and a search that reads files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dean_airflow.services.contract.agents import Agent, AgentList, AgentQuery, ChangeAgent, CreateAgent, DeletedAgent
from dean_airflow.services.contract.base import Id
from dean_airflow.services.contract.capabilities import SERVICE_TOKEN_HEADER
from dean_airflow.services.contract.patterns import (
    AppliedPattern,
    ApplyPattern,
    IndexPattern,
    IndexPatternList,
    PatternQuery,
)
from dean_airflow.services.contract.populations import (
    CreatePopulation,
    Generation,
    IndexAgentCounters,
    NextGeneration,
    Population,
    PopulationMetrics,
    PopulationMetricsQuery,
)
from dean_airflow.services.contract.search import IndexStatus, Search, SearchAnswer
from dean_airflow.services.server.caller import Permission
from dean_airflow.services.server.faults import ApiError
from dean_airflow.testing.indexagent_agents import Library, StubPopulation, changed_agent, new_agent, shown_filters
from dean_airflow.testing.service_stub import ServiceStub


class IndexAgentStub(ServiceStub):
    """IndexAgent. What is created stays until `reset`."""

    name: ClassVar[str] = "indexagent"
    capabilities: ClassVar[tuple[str, ...]] = (SERVICE_TOKEN_HEADER,)

    def forget(self) -> None:
        super().forget()
        self.agents: dict[str, Agent] = {}
        self.populations: dict[str, StubPopulation] = {}
        self.library = Library()

    def index(self, repository: str, files: dict[str, str]) -> None:
        """Makes files findable: text by path."""
        self.within(lambda: self.library.add(repository, files, self.now()))

    def learn(self, *patterns: IndexPattern) -> None:
        """Makes patterns known."""
        self.within(lambda: self.library.patterns.update({pattern.id: pattern for pattern in patterns}))

    def routers(self) -> Sequence[APIRouter]:
        reading = APIRouter(dependencies=[Depends(self.access.needs(Permission.READ))])
        running = APIRouter(dependencies=[Depends(self.access.needs(Permission.RUN))])
        reading.get("/agents", response_model_exclude_none=True)(self._list)
        reading.get("/agents/{agent_id}", response_model_exclude_none=True)(self._get)
        reading.get("/evolution/metrics")(self._population_metrics)
        reading.get("/metrics")(self._metrics)
        reading.post("/search")(self._search)
        reading.get("/search/index/status")(self._index_status)
        reading.get("/patterns")(self._patterns)
        running.post("/agents", status_code=201, response_model_exclude_none=True)(self._create)
        running.patch("/agents/{agent_id}", response_model_exclude_none=True)(self._change)
        running.delete("/agents/{agent_id}")(self._delete)
        running.post("/evolution/population", status_code=201, response_model_exclude_none=True)(self._populate)
        running.post("/evolution/generation", response_model_exclude_none=True)(self._generation)
        running.post("/patterns/apply")(self._apply)
        return [reading, running]

    async def _create(self, body: CreateAgent) -> Agent:
        if body.parent_id is not None and body.parent_id not in self.agents:
            raise ApiError(400, "The parent is no agent here.")
        agent = new_agent(self.random_id("agent-"), body, self.now())
        self.agents[agent.id] = agent
        return agent

    async def _list(self, query: Annotated[AgentQuery, Query()]) -> AgentList:
        found = [
            agent
            for agent in self.agents.values()
            if query.status in (None, agent.status)
            and query.generation in (None, agent.generation)
            and query.type in (None, agent.type)
        ]
        page = found[query.offset : query.offset + query.limit]
        return AgentList(agents=page, total=len(found), limit=query.limit, offset=query.offset)

    async def _get(self, agent_id: str) -> Agent:
        return self._agent(agent_id)

    async def _change(self, agent_id: str, change: ChangeAgent) -> Agent:
        self.agents[agent_id] = changed_agent(self._agent(agent_id), change, self.now())
        return self.agents[agent_id]

    async def _delete(self, agent_id: str) -> DeletedAgent:
        self._agent(agent_id)
        del self.agents[agent_id]
        return DeletedAgent(agent_id=agent_id)

    async def _populate(self, body: CreatePopulation) -> Population:
        population = StubPopulation(
            self.random_id("pop-"), body, f"{self.scenario.seed}/{len(self.populations)}",
            lambda: self.random_id("agent-"), self.now,
        )  # fmt: skip
        self.populations[population.population_id] = population
        self.agents.update({agent.id: agent for agent in population.agents})
        return population.shown()

    async def _generation(
        self,
        body: Annotated[NextGeneration | None, Body()] = None,
        population_id: Annotated[Id | None, Query()] = None,
    ) -> Generation:
        wanted = body.population_id if body is not None else population_id
        if wanted is None:
            raise ApiError(422, "population_id: Field required")
        if wanted not in self.populations:
            raise ApiError(404, "Population not found")
        population = self.populations[wanted]
        replaced = [agent.id for agent in population.agents]
        generation = population.advance()
        for agent_id in replaced:
            self.agents.pop(agent_id, None)
        self.agents.update({agent.id: agent for agent in population.agents})
        return generation

    async def _population_metrics(self, query: Annotated[PopulationMetricsQuery, Query()]) -> PopulationMetrics:
        agents = [
            agent
            for agent in self.agents.values()
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
            metrics=self._counters(),
        )

    async def _metrics(self, request: Request) -> Response:
        counters = self._counters().model_dump()
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(counters)
        lines = [f"indexagent_{name} {value or 0}" for name, value in counters.items()]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    async def _search(self, search: Search) -> SearchAnswer:
        return self.library.search(search)

    async def _index_status(self) -> IndexStatus:
        repositories = {repository for repository, _ in self.library.files}
        return IndexStatus(
            status="ready" if repositories else "empty",
            indexed_repositories=len(repositories),
            total_files=len(self.library.files),
            last_update=self.library.updated_at,
        )

    async def _patterns(self, query: Annotated[PatternQuery, Query()]) -> IndexPatternList:
        found = [
            pattern
            for pattern in self.library.patterns.values()
            if query.wanted_type in (None, pattern.type) and pattern.confidence >= query.min_confidence
        ]
        found.sort(key=lambda pattern: -pattern.confidence)
        page = found[query.offset : query.offset + query.limit]
        return IndexPatternList(patterns=page, total=len(found), filters=shown_filters(query))

    async def _apply(self, body: ApplyPattern) -> AppliedPattern:
        if body.pattern_id not in self.library.patterns:
            raise ApiError(404, "Pattern not found")
        for agent_id in body.target_agents:
            self._agent(agent_id)
        for agent_id in body.target_agents:
            agent = self.agents[agent_id]
            known = [*(agent.patterns_discovered or []), body.pattern_id]
            self.agents[agent_id] = agent.model_copy(update={"patterns_discovered": known, "updated_at": self.now()})
        return AppliedPattern(pattern_id=body.pattern_id, affected_agents=len(body.target_agents), timestamp=self.now())

    def _agent(self, agent_id: str) -> Agent:
        if agent_id not in self.agents:
            raise ApiError(404, "Agent not found")
        return self.agents[agent_id]

    def _counters(self) -> IndexAgentCounters:
        library = self.library
        return IndexAgentCounters(
            agents_created=len(self.agents),
            patterns_extracted=len(library.patterns),
            search_queries=library.queries,
            avg_query_time_ms=library.milliseconds / library.queries if library.queries else None,
        )
