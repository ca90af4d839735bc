"""IndexAgent as a provider: the stub, and the stand-alone server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dean_airflow.config import Settings
from dean_airflow.services.contract.agents import CreateAgent
from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.populations import CreatePopulation
from dean_airflow.services.indexagent.agents import new_agent
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.services.indexagent.populations import new_population
from dean_airflow.services.indexagent.standalone import build_indexagent_app
from dean_airflow.store.server_models import AgentRow, PopulationRow
from dean_airflow.store.store import Store
from dean_airflow.testing import StubServices, git_repository

from .providers import State, serving, token_for


class IndexAgentStubProvider:
    def __init__(self, services: StubServices) -> None:
        self._stub = services.indexagent
        self.url = self._stub.url
        self.token = token_for(services.keys, "indexagent")

    def enter(self, state: str, parameters: State) -> None:
        if state:
            self._stub.reset()
        if state == "an agent":
            self._stub.create_agent(CreateAgent(name="finder"), agent_id=parameters["agent_id"])
        elif state == "a population":
            self._stub.create_population(
                CreatePopulation(size=parameters["size"]), population_id=parameters["population_id"]
            )
        elif state == "an indexed repository":
            self._stub.index(parameters["repository"], parameters["files"])
        elif state == "a pattern":
            self._stub.learn(_pattern(parameters, self._stub.now()))
        elif state:
            raise ValueError(f"the stub knows no state {state!r}")


class IndexAgentServerProvider:
    """The stand-alone server as `airflow dean serve indexagent` runs it, in a thread."""

    def __init__(self, url: str, token: str, store: Store, settings: Settings) -> None:
        self.url, self.token, self._store, self._settings = url, token, store, settings

    def enter(self, state: str, parameters: State) -> None:
        if state == "an agent":
            self._agent(parameters["agent_id"])
        elif state == "a population":
            self._population(parameters["population_id"], parameters["size"])
        elif state == "an indexed repository":
            self._index(parameters["repository"], parameters["files"])
        elif state == "a pattern":
            self._pattern(parameters["repository"])
        elif state:
            raise ValueError(f"the server knows no state {state!r}")

    def _agent(self, agent_id: str) -> None:
        agent = new_agent(CreateAgent(name="finder"), None, self._store.now())
        self._store.agents.add([replace(agent, id=agent_id)])

    def _population(self, population_id: str, size: int) -> None:
        def forget(session: Session) -> None:
            session.execute(delete(AgentRow).where(AgentRow.population_id == population_id))
            session.execute(delete(PopulationRow).where(PopulationRow.id == population_id))

        self._store.database.write(forget)
        population = replace(new_population(CreatePopulation(size=size), self._store.now()), id=population_id)
        agents = [replace(agent, population_id=population_id) for agent in population.agents]
        self._store.agents.add(agents, population)

    def _index(self, repository: str, files: State) -> None:
        """The index calls a repository by its path, which is one relative to here."""
        folder = self._settings.data_dir / "indexed"
        if not folder.exists():
            git_repository(folder / repository, files)
            with contextlib.chdir(folder):
                CodeIndex(self._settings, self._store).index(repository)

    def _pattern(self, repository: str) -> None:
        trial = self._store.trials.create("trial-00000000d0e5", {"repository": repository})
        self._store.patterns.record("hoist_regex", "loop", tried=3, confirmed=2, effects=[-0.3], trial_id=trial.id)


def _pattern(parameters: State, now: datetime) -> IndexPattern:
    return IndexPattern(
        id=parameters["pattern_id"],
        type="optimization",
        confidence=0.75,
        description="What it is",
        occurrences=3,
        repositories=[parameters["repository"]],
        created_at=now,
    )


@contextlib.contextmanager
def indexagent_server(folder: Path) -> Iterator[IndexAgentServerProvider]:
    """A real server on a store of its own below `folder`."""
    with serving(folder, build_indexagent_app) as (url, keys, store, settings):
        yield IndexAgentServerProvider(url, token_for(keys, "indexagent"), store, settings)
