"""The routes of IndexAgent, as the contract has them, for whoever answers them and whoever guards them."""

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from dean_airflow.services.contract import agents as agent
from dean_airflow.services.contract import patterns as pattern
from dean_airflow.services.contract import populations as population
from dean_airflow.services.contract import search as code
from dean_airflow.services.server.access import Access
from dean_airflow.services.server.application import failures
from dean_airflow.services.server.caller import Permission
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.prometheus import TEXT_TYPE

AgentId = Annotated[str, Path(min_length=1, max_length=128)]
PopulationId = Annotated[str | None, Query(min_length=1, max_length=128)]
JSON_TYPE = "application/json"


class IndexAgentApi(Protocol):
    """Who answers: the real service, or a stub."""

    async def agents(self, query: agent.AgentQuery) -> agent.AgentList: ...
    async def create_agent(self, body: agent.CreateAgent) -> agent.Agent: ...
    async def one_agent(self, agent_id: str) -> agent.Agent: ...
    async def change_agent(self, agent_id: str, body: agent.ChangeAgent) -> agent.Agent: ...
    async def delete_agent(self, agent_id: str) -> agent.DeletedAgent: ...
    async def genome(self, agent_id: str) -> agent.Genome: ...
    async def lineage(self, agent_id: str) -> agent.Lineage: ...
    async def create_population(self, body: population.CreatePopulation) -> population.Population: ...
    async def advance(self, population_id: str) -> population.Generation: ...
    async def population_metrics(self, query: population.PopulationMetricsQuery) -> population.PopulationMetrics: ...
    async def counters(self) -> population.IndexAgentCounters: ...
    async def prometheus(self) -> str: ...
    async def search(self, body: code.Search) -> code.SearchAnswer: ...
    async def index_status(self) -> code.IndexStatus: ...
    async def trigger_index(self, body: code.TriggerIndex) -> code.IndexTriggered: ...
    async def patterns(self, query: pattern.PatternQuery) -> pattern.IndexPatternList: ...
    async def apply_pattern(self, body: pattern.ApplyPattern) -> pattern.AppliedPattern: ...


def indexagent_routers(api: IndexAgentApi, access: Access) -> tuple[APIRouter, ...]:
    """Everything of the contract but health."""
    return agent_router(api, access), population_router(api, access), search_router(api, access)


def agent_router(api: IndexAgentApi, access: Access) -> APIRouter:
    router = APIRouter(tags=["agents"])
    reader, runner, person = _callers(access)

    @router.get("/agents", dependencies=reader, responses=failures(), response_model_exclude_none=True)
    async def list_agents(query: Annotated[agent.AgentQuery, Query()]) -> agent.AgentList:
        """Agents of clients, newest first, then candidates of trials."""
        return await api.agents(query)

    @router.post(
        "/agents", status_code=201, dependencies=runner, responses=failures(400), response_model_exclude_none=True
    )
    async def create_agent(body: Annotated[agent.CreateAgent, Body()]) -> agent.Agent:
        """Keeps an agent of the caller's, unmeasured."""
        return await api.create_agent(body)

    @router.get("/agents/{agent_id}", dependencies=reader, responses=failures(404), response_model_exclude_none=True)
    async def get_agent(agent_id: AgentId) -> agent.Agent:
        """An agent of a client's, or a candidate of a trial."""
        return await api.one_agent(agent_id)

    @router.patch(
        "/agents/{agent_id}", dependencies=person, responses=failures(400, 404), response_model_exclude_none=True
    )
    async def change_agent(agent_id: AgentId, body: Annotated[agent.ChangeAgent, Body()]) -> agent.Agent:
        """Changes what is named; candidates stay as they were measured."""
        return await api.change_agent(agent_id, body)

    @router.delete("/agents/{agent_id}", dependencies=runner, responses=failures(400, 404))
    async def delete_agent(agent_id: AgentId) -> agent.DeletedAgent:
        """Removes an agent of a client's."""
        return await api.delete_agent(agent_id)

    @router.get(
        "/agents/{agent_id}/genome", dependencies=reader, responses=failures(404), response_model_exclude_none=True
    )
    async def genome(agent_id: AgentId) -> agent.Genome:
        """Traits and strategies; a candidate's strategies are its edits."""
        return await api.genome(agent_id)

    @router.get("/agents/{agent_id}/lineage", dependencies=reader, responses=failures(404))
    async def lineage(agent_id: AgentId) -> agent.Lineage:
        """Whom it descends from and who descends from it, nearest first."""
        return await api.lineage(agent_id)

    return router


def population_router(api: IndexAgentApi, access: Access) -> APIRouter:
    router = APIRouter(tags=["populations"])
    reader, runner, _ = _callers(access)

    @router.post(
        "/evolution/population",
        status_code=201,
        dependencies=runner,
        responses=failures(),
        response_model_exclude_none=True,
    )
    async def create(body: Annotated[population.CreatePopulation, Body()]) -> population.Population:
        """Makes a population of agents, unmeasured."""
        return await api.create_population(body)

    @router.post(
        "/evolution/generation", dependencies=runner, responses=failures(404, 409), response_model_exclude_none=True
    )
    async def advance(
        body: Annotated[population.NextGeneration | None, Body()] = None,
        population_id: PopulationId = None,
    ) -> population.Generation:
        """Takes a population a generation further; of a trial's island it gives the last generation on record."""
        name = body.population_id if body is not None else population_id
        if name is None:
            raise ApiError(422, "population_id: it must be in the body or in the query.")
        return await api.advance(name)

    @router.get("/evolution/metrics", dependencies=reader, responses=failures(), response_model_exclude_none=True)
    async def population_metrics(
        query: Annotated[population.PopulationMetricsQuery, Query()],
    ) -> population.PopulationMetrics:
        """Agents, populations and their mean fitness, of one population or of a span of time."""
        return await api.population_metrics(query)

    @router.get(
        "/metrics",
        response_model=population.IndexAgentCounters,
        dependencies=reader,
        responses={**failures(), 200: {"content": {"text/plain": {}}, "description": "Prometheus text, or JSON."}},
    )
    async def metrics(request: Request) -> Response:
        """Prometheus text; JSON for whoever accepts that."""
        if JSON_TYPE in request.headers.get("accept", ""):
            return JSONResponse((await api.counters()).model_dump(mode="json", exclude_none=True))
        return PlainTextResponse(await api.prometheus(), media_type=TEXT_TYPE)

    return router


def search_router(api: IndexAgentApi, access: Access) -> APIRouter:
    """Search, and the patterns that trials found."""
    router = APIRouter(tags=["search"])
    reader, runner, _ = _callers(access)

    @router.post("/search", dependencies=reader, responses=failures(), response_model_exclude_none=True)
    async def find(body: Annotated[code.Search, Body()]) -> code.SearchAnswer:
        """Files that have all the words, definitions of a name first; one hit a file."""
        return await api.search(body)

    @router.get("/search/index/status", dependencies=reader, responses=failures(), response_model_exclude_none=True)
    async def index_status() -> code.IndexStatus:
        """How much is indexed; `ready`, `indexing`, `empty`, or `degraded` when a repository could not be."""
        return await api.index_status()

    @router.post(
        "/search/index/trigger",
        status_code=202,
        dependencies=runner,
        responses=failures(400),
        response_model_exclude_none=True,
    )
    async def trigger(body: Annotated[code.TriggerIndex | None, Body()] = None) -> code.IndexTriggered:
        """Indexes a repository, or brings all that are known up to date; answers before it is done."""
        return await api.trigger_index(body or code.TriggerIndex())

    @router.get("/patterns", dependencies=reader, responses=failures(), response_model_exclude_none=True)
    async def list_patterns(query: Annotated[pattern.PatternQuery, Query()]) -> pattern.IndexPatternList:
        """Kinds of edits that won, highest confidence first."""
        return await api.patterns(query)

    @router.post("/patterns/apply", dependencies=runner, responses=failures(404))
    async def apply(body: Annotated[pattern.ApplyPattern, Body()]) -> pattern.AppliedPattern:
        """Puts a pattern on agents of clients; how many did not have it before."""
        return await api.apply_pattern(body)

    return router


def _callers(access: Access) -> tuple[list[Any], list[Any], list[Any]]:
    """Dependencies for reading, for changing, and for what a person decides."""
    reading, running, deciding = (
        [Depends(access.needs(permission))] for permission in (Permission.READ, Permission.RUN, Permission.USER)
    )
    return reading, running, deciding
