"""Agents and populations: of clients, and candidates and islands of trials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dean_airflow.services.contract.agents import ChangeAgent, CreateAgent
from dean_airflow.services.contract.populations import CreatePopulation
from dean_airflow.services.indexagent.agents import agent_of, changed, new_agent
from dean_airflow.services.indexagent.populations import generation_of, new_population, next_generation, population_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.store import Store
from tests.unit.store.conftest import numbered as numbered

TRIAL = "trial-0123456789ab"


@pytest.fixture
def candidates(store: Store, numbered) -> None:
    """A running trial whose island 0 has judged three candidates in two generations."""
    store.trials.create(TRIAL, {"repository": "/srv/one"})
    store.trials.transition(TRIAL, "initializing")
    store.trials.transition(TRIAL, "running")
    lease = store.leases.acquire(TRIAL, 0, "task", timedelta(seconds=30))
    made: list[NumberedEvaluation] = [numbered(0, 0.1, 0), numbered(1, 0.2, 1), numbered(2, 0.4, 1)]
    store.evaluations.add(lease, made)


def test_candidates_are_agents_and_islands_populations(store: Store, candidates: None) -> None:
    found, total = store.agents.list()
    agent = store.agents.get(f"agent-{TRIAL}-0-2")
    island = store.agents.population(f"pop-{TRIAL}-0")

    assert (total, [one.status for one in found]) == (3, ["evolving"] * 3)
    assert agent is not None and island is not None
    assert (agent.fitness, agent.generation, agent.population_id) == (0.4, 1, f"pop-{TRIAL}-0")
    assert agent_of(agent).genome.strategies == ["catalogue.hoist pkg/mod.py::work#2"]
    assert [one.fitness for one in island.agents] == [0.2, 0.4]
    assert generation_of(island).stats.improvement == pytest.approx(0.3)
    assert generation_of(island).best_agent.id == agent.id


def test_pages_go_over_from_clients_agents_to_candidates(store: Store, candidates: None) -> None:
    for number in range(3):
        store.agents.add([new_agent(CreateAgent(name=f"mine {number}"), None, store.now())])
    everything, total = store.agents.list()

    pages = [store.agents.list(limit=2, offset=offset)[0] for offset in (0, 2, 4)]

    assert total == 6
    assert [agent.id for page in pages for agent in page] == [agent.id for agent in everything]
    assert store.agents.list(status="active")[1] == 3
    assert store.agents.list(status="evolving")[1] == 3
    assert store.agents.list(type="candidate")[1] == 3
    assert store.agents.list(generation=1)[1] == 2
    assert store.agents.list(limit=1, offset=100) == ([], 6)


def test_candidates_of_an_ended_trial_are_archived(store: Store, candidates: None) -> None:
    store.trials.transition(TRIAL, "completed")

    assert store.agents.list(status="archived")[1] == 3
    assert store.agents.list(status="evolving")[1] == 0


def test_a_child_has_its_parents_genome_and_a_place_in_the_lineage(store: Store) -> None:
    parent = new_agent(
        CreateAgent(name="p", genome_template={"traits": {"t": 0.5}, "strategies": ["s"]}), None, store.now()
    )
    child = new_agent(CreateAgent(name="c"), parent, store.now())
    grandchild = new_agent(CreateAgent(name="g"), child, store.now())
    store.agents.add([parent, child, grandchild])

    assert (child.generation, child.genome, child.fitness) == (1, parent.genome, None)
    assert store.agents.descent(child.id) == ([parent.id], [grandchild.id])
    assert store.agents.descent(grandchild.id) == ([child.id, parent.id], [])


@pytest.mark.parametrize(("before", "after"), [("terminated", "active"), ("archived", "active"), ("idle", "evolving")])
def test_a_status_that_cannot_follow_is_refused(store: Store, before: str, after: str) -> None:
    agent = new_agent(CreateAgent(name="a"), None, store.now())
    store.agents.add([agent])
    stored = store.agents.change(agent.id, status=before)

    with pytest.raises(ApiError, match=f"{before} cannot become {after}"):
        changed(stored, ChangeAgent(status=after))


def test_a_pattern_is_learnt_once(store: Store) -> None:
    agents = [new_agent(CreateAgent(name=name), None, store.now()) for name in "ab"]
    store.agents.add(agents)
    ids = [agent.id for agent in agents]

    assert store.agents.teach("pattern-1", [*ids, "agent-ghost"]) == 2
    assert store.agents.teach("pattern-1", ids) == 0
    assert store.agents.get(ids[0]).patterns == ["pattern-1"]


def population(store: Store, **options: object):
    made = new_population(
        CreatePopulation.model_validate(
            {"size": 6, "config": {"traits": {"t": 0.5}, "strategies": ["a", "b"]}, **options}
        ),
        store.now(),
    )
    store.agents.add(list(made.agents), made)
    return made


def test_nothing_is_measured_that_nobody_measured(store: Store) -> None:
    made = population(store)

    after, _ = next_generation(made, store.now())

    assert population_of(made).best_fitness is None
    assert {agent.fitness for agent in after.agents} == {None}
    assert generation_of(after).stats.best_fitness is None
    assert generation_of(after).best_agent is None


@pytest.mark.parametrize("method", ["tournament", "roulette", "rank", "elitist"])
def test_the_fittest_stay_and_the_others_give_way(store: Store, method: str) -> None:
    made = population(store, selection_method=method, mutation_rate=1.0)
    best, second = made.agents[3].id, made.agents[1].id
    for agent_id, fitness in ((best, 0.9), (second, 0.5), (made.agents[0].id, 0.1)):
        store.agents.change(agent_id, fitness=fitness)
    before = store.agents.population(made.id)

    after, gone = next_generation(before, store.now())
    assert store.agents.replace_generation(made.id, 0, after.agents, gone, after.best_fitness)
    kept = store.agents.population(made.id)

    assert (kept.generation, len(kept.agents)) == (1, 6)
    assert {agent.id for agent in kept.agents if agent.fitness is not None} == {best, second}
    assert all(0 <= value <= 1 for agent in kept.agents for value in agent.genome["traits"].values())
    assert set(gone).isdisjoint(agent.id for agent in kept.agents)
    assert not store.agents.replace_generation(made.id, 0, after.agents, gone, None)


def test_the_same_population_gives_the_same_genomes(store: Store) -> None:
    made = population(store)

    one, other = (next_generation(made, store.now())[0] for _ in range(2))

    assert [agent.genome for agent in one.agents] == [agent.genome for agent in other.agents]
