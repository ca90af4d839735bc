"""What the routes of IndexAgent ask: the index for code, the store for agents, populations and patterns."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.errors import DeanError
from dean_airflow.services.contract import agents as contract
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
    Population,
    PopulationMetrics,
    PopulationMetricsQuery,
)
from dean_airflow.services.contract.search import (
    IndexStatus,
    IndexTriggered,
    Search,
    SearchAnswer,
    SearchHit,
    TriggerIndex,
)
from dean_airflow.services.evolution.answers import describe, type_of
from dean_airflow.services.evolution.starting import check_repository
from dean_airflow.services.indexagent.agents import agent_of, changed, genome_of, new_agent
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.services.indexagent.index.searching import Wanted
from dean_airflow.services.indexagent.populations import generation_of, new_population, next_generation, population_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.prometheus import ServerMetrics
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.agents import StoredAgent, is_candidate
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

SERVICE = "indexagent"
REFRESHED_EVERY = 300.0
"""Seconds after which all known repositories are looked at again."""
NO_AGENT, NO_POPULATION, NO_PATTERN = "Agent not found", "Population not found", "Pattern not found"


class IndexAgentService:
    """Every method may raise ApiError, or StoreError when the store does not answer."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        index: CodeIndex,
        threads: Threads,
        figures: ServerMetrics | None = None,
    ) -> None:
        self.settings, self.store, self.index, self.threads = settings, store, index, threads
        self.figures = figures or ServerMetrics()
        self._indexing = Threads(1)
        self._queue: set[str | None] = set()
        self._searches, self._search_seconds = 0, 0.0

    async def agents(self, query: contract.AgentQuery) -> contract.AgentList:
        found, total = await self.threads(
            lambda: self.store.agents.list(
                status=query.status,
                generation=query.generation,
                type=query.type,
                limit=query.limit,
                offset=query.offset,
            )
        )
        agents = [agent_of(agent) for agent in found]
        return contract.AgentList(agents=agents, total=total, limit=query.limit, offset=query.offset)

    async def create_agent(self, body: contract.CreateAgent) -> contract.Agent:
        """400 for a parent there is not."""
        parent = None
        if body.parent_id is not None:
            parent = await self.threads(self.store.agents.get, body.parent_id)
            if parent is None:
                raise ApiError(400, f"There is no agent {body.parent_id!r} to descend from.")
        agent = new_agent(body, parent, self.store.now())
        await self.threads(self.store.agents.add, [agent])
        return agent_of(agent)

    async def one_agent(self, agent_id: str) -> contract.Agent:
        return agent_of(await self._agent(agent_id))

    async def change_agent(self, agent_id: str, body: contract.ChangeAgent) -> contract.Agent:
        """400 for a candidate of a trial, which stays as it was measured, and for a status that cannot follow."""
        agent = await self._own_agent(agent_id)
        after = await self.threads(lambda: self.store.agents.change(agent_id, **changed(agent, body)))
        if after is None:
            raise ApiError(404, NO_AGENT)
        return agent_of(after)

    async def delete_agent(self, agent_id: str) -> contract.DeletedAgent:
        await self._own_agent(agent_id)
        if not await self.threads(self.store.agents.remove, agent_id):
            raise ApiError(404, NO_AGENT)
        return contract.DeletedAgent(agent_id=agent_id)

    async def genome(self, agent_id: str) -> contract.Genome:
        return genome_of(await self._agent(agent_id))

    async def lineage(self, agent_id: str) -> contract.Lineage:
        await self._agent(agent_id)
        ancestors, descendants = await self.threads(self.store.agents.descent, agent_id)
        return contract.Lineage(ancestors=list(ancestors), descendants=list(descendants))

    async def create_population(self, body: CreatePopulation) -> Population:
        population = new_population(body, self.store.now())
        await self.threads(self.store.agents.add, list(population.agents), population)
        return population_of(population)

    async def advance(self, population_id: str) -> Generation:
        """The next generation of a client's population; of an island the last one that its trial recorded."""
        population = await self.threads(self.store.agents.population, population_id)
        if population is None:
            raise ApiError(404, NO_POPULATION)
        if population.of_trial:
            return generation_of(population)
        after, gone = next_generation(population, self.store.now())
        done = await self.threads(
            self.store.agents.replace_generation,
            population_id,
            population.generation,
            after.agents,
            gone,
            after.best_fitness,
        )
        if not done:
            raise ApiError(409, "The population was taken further by another request.")
        return generation_of(after)

    async def population_metrics(self, query: PopulationMetricsQuery) -> PopulationMetrics:
        if query.population_id is not None:
            population = await self.threads(self.store.agents.population, query.population_id)
            agents = [] if population is None else population.agents
            measured = [agent.fitness for agent in agents if agent.fitness is not None]
            known: dict[str, Any] = {
                "agents": len(agents),
                "populations": int(population is not None),
                "fitness": sum(measured) / len(measured) if measured else None,
                "made": len(agents),
            }
        else:
            known = await self.threads(self.store.agents.figures, query.start_time, query.end_time)
        return PopulationMetrics(
            total_agents=known["agents"],
            active_populations=known["populations"],
            patterns_discovered=await self.threads(self.store.discoveries.count),
            average_fitness=known["fitness"],
            metrics=await self.counters(),
        )

    async def counters(self) -> IndexAgentCounters:
        """Searches are those since the server was started."""
        known = await self.threads(self.store.agents.figures)
        return IndexAgentCounters(
            agents_created=known["made"],
            patterns_extracted=await self.threads(self.store.discoveries.count),
            search_queries=self._searches,
            avg_query_time_ms=round(1000 * self._search_seconds / self._searches, 3) if self._searches else None,
        )

    async def prometheus(self) -> str:
        known = await self.population_metrics(PopulationMetricsQuery())
        extent = await self.threads(self.index.extent)
        gauges = {
            "dean_indexagent_agents": ("Agents, candidates of trials included.", known.total_agents),
            "dean_indexagent_populations": ("Populations at work.", known.active_populations),
            "dean_indexagent_files": ("Files in the index.", extent.files),
            "dean_indexagent_repositories": ("Repositories in the index.", extent.repositories),
            "dean_indexagent_searches": ("Searches since the server was started.", self._searches),
        }
        return self.figures.text({name: (meaning, float(value)) for name, (meaning, value) in gauges.items()})

    async def search(self, body: Search) -> SearchAnswer:
        words = tuple(body.query.replace("\0", " ").split())
        if not words:
            raise ApiError(422, "query: there is no word in it.")
        wanted = Wanted(
            words,
            tuple(body.repositories),
            tuple("." + suffix.lower().lstrip(".*") for suffix in body.file_types),
            body.filters.language.lower() if body.filters.language else None,
        )
        began = time.perf_counter()
        hits, total = await self.threads(self.index.search, wanted, body.limit, body.filters.min_score or 0.0)
        seconds = time.perf_counter() - began
        self._searches += 1
        self._search_seconds += seconds
        results = [
            SearchHit(
                id=f"result-{hit.file_id:08x}",
                score=hit.score,
                repository=hit.repository,
                file_path=hit.path,
                line_number=hit.line,
                snippet=hit.snippet,
                context=hit.context,
            )
            for hit in hits
        ]
        return SearchAnswer(
            query=body.query, results=results, total_results=total, execution_time_ms=round(1000 * seconds, 3)
        )

    async def index_status(self) -> IndexStatus:
        extent = await self.threads(self.index.extent)
        status = "indexing" if self._queue else "degraded" if extent.failed else "ready" if extent.files else "empty"
        return IndexStatus(
            status=status,
            indexed_repositories=extent.repositories,
            total_files=extent.files,
            last_update=extent.last_update,
        )

    async def trigger_index(self, body: TriggerIndex) -> IndexTriggered:
        """Answers at once; one repository is indexed after the other."""
        if body.repository is not None:
            await self.threads(check_repository, body.repository, self.settings.server_repositories)
        if body.repository not in self._queue:
            self._queue.add(body.repository)
            self._background = asyncio.create_task(self._index(body.repository))
        return IndexTriggered(repository=body.repository)

    async def refresh(self) -> None:
        """Keeps what is known up to date until it is cancelled."""
        while True:
            await asyncio.sleep(REFRESHED_EVERY)
            self._queue.add(None)
            await self._index(None)

    async def _index(self, repository: str | None) -> None:
        try:
            if repository is not None:
                await self._indexing(self.index.index, repository)
            else:
                for name, reason in (await self._indexing(self.index.index_all, await self._of_trials())).items():
                    log.warning("%s: %s", name, reason)
        except DeanError as error:
            log.warning("%s could not be indexed: %s", repository or "What is known", error)
        finally:
            self._queue.discard(repository)

    async def _of_trials(self) -> list[str]:
        """Repositories of the latest trials, where these may be indexed."""
        trials = await self.threads(self.store.trials.list)
        names = []
        for name in dict.fromkeys(trial.repository for trial in trials):
            try:
                await self.threads(check_repository, name, self.settings.server_repositories)
            except ApiError:
                continue
            names.append(name)
        return names

    async def patterns(self, query: PatternQuery) -> IndexPatternList:
        """Those that won in trials of this store, and those that an Evolution service elsewhere found."""
        discoveries = await self.threads(self.store.discoveries.list, query.trial_id)
        least = query.wanted_effectiveness
        found = await self._told(query, {one.pattern.id for one in discoveries})
        found += [
            IndexPattern(
                id=one.pattern.id,
                type=type_of(one.pattern.effectiveness),
                confidence=one.pattern.confidence,
                description=describe(one),
                occurrences=one.pattern.confirmed_wins,
                repositories=one.repositories,
                created_at=one.pattern.discovered_at,
            )
            for one in discoveries
            if one.pattern.confidence >= query.min_confidence
            and (query.wanted_type is None or type_of(one.pattern.effectiveness) == query.wanted_type)
            and (least is None or (one.pattern.effectiveness or 0.0) >= least)
        ]
        found.sort(key=lambda pattern: (-pattern.confidence, pattern.id))
        page = found[query.offset : query.offset + query.limit]
        filters = query.model_dump(exclude_none=True, exclude={"limit", "offset"}, mode="json")
        return IndexPatternList(patterns=page, total=len(found), filters=filters)

    async def _told(self, query: PatternQuery, known: set[str]) -> list[IndexPattern]:
        told = await self.threads(lambda: self.store.service_patterns.list(other_than=SERVICE, trial_id=query.trial_id))
        least = query.wanted_effectiveness
        return [
            IndexPattern(
                id=one.id,
                type=one.type,
                confidence=one.confidence,
                description=one.description,
                occurrences=one.occurrences or 0,
                repositories=list(one.details.get("repositories", ())),
                created_at=one.first_seen_at or self.store.now(),
            )
            for one in told
            if one.id not in known
            and one.confidence >= query.min_confidence
            and query.wanted_type in (None, one.type)
            and (least is None or (one.effectiveness or 0.0) >= least)
        ]

    async def apply_pattern(self, body: ApplyPattern) -> AppliedPattern:
        """Agents of clients that do not know the pattern yet learn it; candidates are on record as they are."""
        discoveries = await self.threads(self.store.discoveries.list)
        if not any(one.pattern.id == body.pattern_id for one in discoveries):
            raise ApiError(404, NO_PATTERN)
        count = await self.threads(self.store.agents.teach, body.pattern_id, list(body.target_agents))
        return AppliedPattern(pattern_id=body.pattern_id, affected_agents=count, timestamp=self.store.now())

    async def check_index(self) -> None:
        await self.threads(self.index.names)

    async def close(self) -> None:
        """Breaks an indexing off."""
        await asyncio.to_thread(self.index.close)
        self._indexing.close()

    async def _agent(self, agent_id: str) -> StoredAgent:
        agent = await self.threads(self.store.agents.get, agent_id)
        if agent is None:
            raise ApiError(404, NO_AGENT)
        return agent

    async def _own_agent(self, agent_id: str) -> StoredAgent:
        agent = await self._agent(agent_id)
        if is_candidate(agent.id):
            raise ApiError(400, "A candidate of a trial stays on record as it was measured.")
        return agent
