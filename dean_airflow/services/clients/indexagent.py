"""IndexAgent as a client sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import quote

from dean_airflow.services import lenient
from dean_airflow.services.call import Call
from dean_airflow.services.clients.service import ServiceClient
from dean_airflow.services.contract.agents import (
    Agent,
    AgentList,
    ChangeAgent,
    CreateAgent,
    DeletedAgent,
    Genome,
    Lineage,
)
from dean_airflow.services.contract.diversity import (
    InjectedMutations,
    InjectMutation,
    PopulationDiversity,
    PopulationDiversityRequest,
)
from dean_airflow.services.contract.patterns import AppliedPattern, ApplyPattern, IndexPatternList
from dean_airflow.services.contract.populations import (
    CreatePopulation,
    Generation,
    NextGeneration,
    Population,
    PopulationMetrics,
)
from dean_airflow.services.contract.search import (
    IndexStatus,
    IndexTriggered,
    Search,
    SearchAnswer,
    TriggerIndex,
)
from dean_airflow.services.errors import NotFound

PAGE = 1000


class IndexAgentClient(ServiceClient):
    """Every method may raise any ServiceError; ids that are not known raise NotFound.

    `key` makes a POST safe to repeat where the service offers `idempotency-key`.
    """

    async def agents(
        self,
        *,
        status: str | None = None,
        generation: int | None = None,
        type: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> AgentList:
        """One page of agents."""
        query = {"status": status, "generation": generation, "type": type, "limit": limit, "offset": offset}
        return await self._read(Call("GET", "/agents", query=query), AgentList, lenient.listed("agents"))

    async def every_agent(self, *, status: str | None = None, type: str | None = None) -> AsyncIterator[Agent]:
        """All agents, page by page."""
        offset = 0
        while True:
            page = await self.agents(status=status, type=type, limit=PAGE, offset=offset)
            for agent in page.agents:
                yield agent
            offset += len(page.agents)
            if not page.agents or offset >= page.total:
                return

    async def create_agent(self, agent: CreateAgent, *, key: str | None = None) -> Agent:
        return await self._read(Call("POST", "/agents", body=agent, key=key), Agent)

    async def agent(self, agent_id: str) -> Agent:
        return await self._read(Call("GET", f"/agents/{_part(agent_id)}"), Agent)

    async def change_agent(self, agent_id: str, change: ChangeAgent) -> Agent:
        """Changes what is set in `change` and leaves the rest."""
        return await self._read(Call("PATCH", f"/agents/{_part(agent_id)}", body=change), Agent)

    async def delete_agent(self, agent_id: str) -> DeletedAgent:
        """Deletes an agent; one that an earlier attempt of this call deleted counts as deleted."""
        try:
            return await self._read(
                Call("DELETE", f"/agents/{_part(agent_id)}"), DeletedAgent, lenient.deleted(agent_id=agent_id)
            )
        except NotFound as error:
            if error.attempts > 1:
                return DeletedAgent(agent_id=agent_id)
            raise

    async def create_population(self, population: CreatePopulation, *, key: str | None = None) -> Population:
        call = Call("POST", "/evolution/population", body=population, key=key)
        return await self._read(call, Population, lenient.population)

    async def next_generation(self, population_id: str, *, key: str | None = None) -> Generation:
        """Evolves a population by one generation."""
        body = NextGeneration(population_id=population_id)
        return await self._read(Call("POST", "/evolution/generation", body=body, key=key), Generation)

    async def population_metrics(
        self,
        *,
        population_id: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> PopulationMetrics:
        """Counts of agents, populations and patterns; times need an offset."""
        query = {"population_id": population_id, "start_time": start_time, "end_time": end_time}
        call = Call("GET", "/evolution/metrics", query=query)
        return await self._read(call, PopulationMetrics, lenient.population_metrics)

    async def prometheus(self) -> str:
        """The metrics in Prometheus' text format."""
        return (await self._caller.call(Call("GET", "/metrics", headers={"Accept": "text/plain"}))).text

    async def search(self, search: Search) -> SearchAnswer:
        return await self._read(Call("POST", "/search", body=search, reads=True), SearchAnswer)

    async def index_status(self) -> IndexStatus:
        return await self._read(Call("GET", "/search/index/status"), IndexStatus)

    async def probe(self, seconds: float) -> None:
        """Asks for something small, once. Unlike `health` it counts for the circuit, so that a service that has
        vanished is known to all processes. Raises ServiceError.
        """
        await self._read(Call("GET", "/search/index/status", deadline=seconds, attempts=1), IndexStatus)

    async def trigger_index(self, repository: str | None = None) -> IndexTriggered:
        """ext `search-index`: brings the index up to date, of all repositories where none is named."""
        body = TriggerIndex(repository=repository)
        # Indexing what is indexed changes nothing, so this POST may be repeated.
        return await self._read(Call("POST", "/search/index/trigger", body=body, reads=True), IndexTriggered)

    async def patterns(
        self,
        *,
        pattern_type: str | None = None,
        min_confidence: float | None = None,
        trial_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> IndexPatternList:
        """One page of patterns, highest confidence first."""
        query = {
            "pattern_type": pattern_type,
            "min_confidence": min_confidence,
            "trial_id": trial_id,
            "limit": limit,
            "offset": offset,
        }
        return await self._read(Call("GET", "/patterns", query=query), IndexPatternList, lenient.listed("patterns"))

    async def apply_pattern(self, pattern: ApplyPattern, *, key: str | None = None) -> AppliedPattern:
        return await self._read(Call("POST", "/patterns/apply", body=pattern, key=key), AppliedPattern)

    async def genome(self, agent_id: str) -> Genome:
        """ext `genome`."""
        return await self._read(Call("GET", f"/agents/{_part(agent_id)}/genome"), Genome)

    async def lineage(self, agent_id: str) -> Lineage:
        """ext `lineage`."""
        return await self._read(Call("GET", f"/agents/{_part(agent_id)}/lineage"), Lineage)

    async def population_diversity(self, population_ids: list[str]) -> PopulationDiversity:
        """ext `diversity`."""
        body = PopulationDiversityRequest(population_ids=population_ids)
        return await self._read(Call("POST", "/diversity/population", body=body, reads=True), PopulationDiversity)

    async def inject_mutation(self, mutation: InjectMutation, *, key: str | None = None) -> InjectedMutations:
        """ext `diversity`."""
        call = Call("POST", "/diversity/inject-mutation", body=mutation, key=key)
        return await self._read(call, InjectedMutations)


def _part(id: str) -> str:
    return quote(id, safe="")
