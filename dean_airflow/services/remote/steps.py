"""The calls that set a remote trial up, each with how it is found again and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.caches import ServiceCaches
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.airflow import run_id_of
from dean_airflow.services.contract.capabilities import SEARCH_INDEX
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.services.contract.populations import CreatePopulation
from dean_airflow.services.contract.trials import REQUEST_KEY
from dean_airflow.services.endpoint import Kind
from dean_airflow.services.errors import NotFound, RejectedRequest, ServiceError, ServiceUnavailable
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.request import start_request
from dean_airflow.services.saga import Outcome, Outcomes, Step

TRIAL_DAG = "dean_evolution_trial"
SETTING_UP = ("health", "register_repository", "population", "evolution", "dag")
"""Names of the steps here, in their order; monitor, collect and persist follow."""


class ServicesUnhealthy(ServiceError):
    """A service that the trial needs is not healthy; nothing was started."""


@dataclass(frozen=True)
class SettingUp:
    """What the steps work with. `inside_dag`: a run of the trial's DAG is what calls, so none is triggered."""

    pool: ClientPool
    caches: ServiceCaches
    config: TrialConfig
    options: RemoteOptions
    inside_dag: bool
    say: Callable[[str], object]

    def steps(self) -> list[Step]:
        return [
            Step("health", self.check_health),
            Step("register_repository", self.register_repository),
            Step("population", self.make_population, self.remove_population, self.find_population),
            Step("evolution", self.start_trial, self.cancel_trial, self.find_trial),
            Step("dag", self.trigger_dag, self.stop_dag, self.find_dag_run),
        ]

    def has(self, kind: Kind) -> bool:
        return any(endpoint.kind == kind for endpoint in self.pool.endpoints)

    async def check_health(self, key: str, outcomes: Outcomes) -> Outcome:
        """Raises ServicesUnhealthy, before anything has an effect, if a service the trial needs is not there."""
        health = await self.pool.check_all_services()
        needed = {endpoint.name for endpoint in self.pool.endpoints if self._needs(endpoint.kind, endpoint.required)}
        sick = {name: one for name, one in health.services.items() if name in needed and one.status == "unhealthy"}
        if not self.has("evolution"):
            _ = self.pool.evolution  # raises, and says what to configure
        if sick:
            raise ServicesUnhealthy(
                "A remote trial needs services that are not healthy: "
                + "; ".join(f"{name}: {_why(one)}" for name, one in sorted(sick.items())),
                service=min(sick),
            )
        return {"capabilities": {name: one.capabilities for name, one in health.services.items()}}

    async def register_repository(self, key: str, outcomes: Outcomes) -> Outcome:
        """Lets IndexAgent index the repository, where it can be asked to; indexing twice is harmless.

        A trial needs no index, so one that IndexAgent refuses to make is only written down.
        """
        if not self.offers(outcomes, "indexagent", SEARCH_INDEX):
            return {"skipped": "no IndexAgent that indexes on request"}
        try:
            answer = await self.pool.indexagent.trigger_index(self.config.repository)
        except RejectedRequest as refused:
            self.say(f"The repository is not indexed: {refused}")
            return {"skipped": str(refused)}
        await self.caches.index_changed()
        try:
            index = await self.caches.index()
            self.say(f"IndexAgent has {index.total_files} files of {index.indexed_repositories} repositories.")
        except ServiceError as error:  # said for people only
            self.say(f"What IndexAgent has indexed cannot be told: {error}")
        return {"answer": answer.model_dump(mode="json")}

    async def make_population(self, key: str, outcomes: Outcomes) -> Outcome:
        if not (self.options.population and self.has("indexagent")):
            return {"skipped": "no IndexAgent"}
        wanted = CreatePopulation(
            agent_type=key,  # by which they are found again; see find_population
            size=self.config.population_size,
            mutation_rate=self.config.mutation_rate,
            crossover_rate=self.config.crossover_rate,
            config={REQUEST_KEY: key, "repository": self.config.repository},
        )
        made = await self.pool.indexagent.create_population(wanted, key=key)
        return {"population_id": made.population_id, "agents": [agent.id for agent in made.agents], "type": key}

    async def find_population(self, key: str, outcomes: Outcomes) -> Outcome | None:
        """By its agents: the contract lists those, and not populations."""
        if not (self.options.population and self.has("indexagent")):
            return None
        agents = [agent async for agent in self.pool.indexagent.every_agent(type=key) if agent.type == key]
        if not agents:
            return None
        return {"population_id": agents[0].population_id, "agents": [agent.id for agent in agents], "type": key}

    async def remove_population(self, outcome: Outcome) -> None:
        """Agent by agent, as the contract has it; with those of a population that a network's repetition made."""
        agents = list(outcome.get("agents", ()))
        if "type" in outcome:
            key = outcome["type"]
            agents += [one.id async for one in self.pool.indexagent.every_agent(type=key) if one.type == key]
        for agent_id in dict.fromkeys(agents):
            try:
                await self.pool.indexagent.delete_agent(agent_id)
            except NotFound:
                continue

    async def start_trial(self, key: str, outcomes: Outcomes) -> Outcome:
        population = outcomes.get("population", {}).get("population_id")
        request = start_request(self.config, key, [population] if population else [])
        started = await self.pool.evolution.start(request, key=key)
        return {"trial_id": started.trial_id}

    async def find_trial(self, key: str, outcomes: Outcomes) -> Outcome | None:
        found = await self.pool.evolution.find_trial(self.config.repository, key)
        return None if found is None else {"trial_id": found.trial_id}

    async def cancel_trial(self, outcome: Outcome) -> None:
        """A trial that has ended meanwhile is as good as cancelled, and so is one whose cancelling was not answered."""
        try:
            await self.pool.evolution.cancel(outcome["trial_id"])
        except NotFound:
            return
        except (RejectedRequest, ServiceUnavailable):
            if not (await self.pool.evolution.trial(outcome["trial_id"])).ended:
                raise

    async def trigger_dag(self, key: str, outcomes: Outcomes) -> Outcome:
        """Outside of Airflow, lets Airflow run the DAG that attaches to the trial."""
        if self.inside_dag or not self.options.trigger_dag or not self.has("airflow"):
            return {"skipped": "inside the trial's DAG" if self.inside_dag else "no Airflow API"}
        trial_id = outcomes["evolution"]["trial_id"]
        conf = {"repository": self.config.repository, "trial_id": trial_id}
        run = await self.pool.airflow.trigger(TRIAL_DAG, run_id=run_id_of(trial_id), conf=conf)
        return {"dag_run_id": run.dag_run_id}

    async def find_dag_run(self, key: str, outcomes: Outcomes) -> Outcome | None:
        if self.inside_dag or not self.has("airflow"):
            return None
        run_id = run_id_of(outcomes["evolution"]["trial_id"])
        try:
            run = await self.pool.airflow.run(TRIAL_DAG, run_id)
        except NotFound:
            return None
        return {"dag_run_id": run.dag_run_id}

    async def stop_dag(self, outcome: Outcome) -> None:
        run_id = outcome.get("dag_run_id")
        if run_id is None:
            return
        try:
            if not (await self.pool.airflow.run(TRIAL_DAG, run_id)).ended:
                await self.pool.airflow.stop_run(TRIAL_DAG, run_id, note="The remote trial was taken back.")
        except NotFound:
            return

    def offers(self, outcomes: Outcomes, kind: Kind, capability: str) -> bool:
        """Whether the service of that kind said so when its health was checked."""
        known: dict[str, Any] = outcomes.get("health", {}).get("capabilities", {})
        names = [endpoint.name for endpoint in self.pool.endpoints if endpoint.kind == kind]
        return bool(names) and capability in known.get(names[0], ())

    def _needs(self, kind: Kind, required: bool) -> bool:
        if kind == "airflow":
            return required and self.options.trigger_dag and not self.inside_dag
        return kind == "evolution" or (kind == "indexagent" and required)


def _why(health: ServiceHealth) -> str:
    return health.error or health.text or health.status
