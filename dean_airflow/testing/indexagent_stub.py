"""A stub of IndexAgent: the routes of the real server, answered from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from fastapi import APIRouter

from dean_airflow.services.contract.agents import Agent, CreateAgent
from dean_airflow.services.contract.capabilities import GENOME, LINEAGE, SEARCH_INDEX, SERVICE_TOKEN_HEADER
from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.populations import CreatePopulation, Population
from dean_airflow.services.indexagent.routes import indexagent_routers
from dean_airflow.testing.indexagent_agents import StubPopulation
from dean_airflow.testing.indexagent_memory import IndexAgentMemory
from dean_airflow.testing.service_stub import ServiceStub


class IndexAgentStub(ServiceStub):
    """IndexAgent. What is created stays until `reset`; populations are bred on the small problem."""

    name: ClassVar[str] = "indexagent"
    capabilities: ClassVar[tuple[str, ...]] = (SERVICE_TOKEN_HEADER, SEARCH_INDEX, GENOME, LINEAGE)

    @property
    def agents(self) -> dict[str, Agent]:
        """By id, oldest first."""
        return self._memory.by_id

    @property
    def populations(self) -> dict[str, StubPopulation]:
        """By id, oldest first; one whose agents were deleted is still here."""
        return self._memory.populations

    def create_agent(self, agent: CreateAgent, *, agent_id: str | None = None) -> Agent:
        """An agent as POST /agents makes it, for tests that need one to be there, of that id if need be."""
        return self.within(lambda: self._memory.add_agent(agent, agent_id))

    def create_population(self, population: CreatePopulation, *, population_id: str | None = None) -> Population:
        """A population as POST /evolution/population makes it."""
        return self.within(lambda: self._memory.add_population(population, population_id))

    def index(self, repository: str, files: Mapping[str, str]) -> None:
        """Makes files findable: text by path."""
        self.within(lambda: self._memory.library.add(repository, files, self.now()))

    def learn(self, *patterns: IndexPattern) -> None:
        """Makes patterns known."""
        self.within(lambda: self._memory.library.patterns.update({pattern.id: pattern for pattern in patterns}))

    def prepare(self) -> None:
        self._memory = IndexAgentMemory(self.random_id, lambda: self.scenario.seed, self.now)

    def forget(self) -> None:
        super().forget()
        self._memory.clear()

    def routers(self) -> Sequence[APIRouter]:
        return indexagent_routers(self._memory, self.access)
