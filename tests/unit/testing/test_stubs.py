"""The stubs, reached by DEAN's own clients over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from dean_airflow.services.contract.agents import CreateAgent
from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.populations import CreatePopulation
from dean_airflow.services.contract.search import Search
from dean_airflow.services.contract.trials import StartTrial, Trial
from dean_airflow.services.errors import (
    AuthenticationError,
    ConflictError,
    NotFound,
    PermissionDenied,
    RejectedRequest,
)
from dean_airflow.services.pool import ServicePool
from dean_airflow.testing.scenario import Scenario, failing, hanging, standard
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stubs() -> AsyncIterator[StubServices]:
    async with StubServices() as services:
        yield services


@pytest.fixture
async def pool(stubs: StubServices) -> AsyncIterator[ServicePool]:
    async with stubs.pool() as pool:
        yield pool


async def ended(pool: ServicePool, trial_id: str) -> Trial:
    while True:
        trial = await pool.evolution.trial(trial_id)
        if trial.ended:
            return trial


async def test_all_three_are_healthy(pool: ServicePool) -> None:
    health = await pool.check_all_services()

    assert health.status == "healthy"
    assert set(health.services) == {"indexagent", "evolution", "airflow"}


async def test_a_trial_runs_three_generations_and_its_fitness_is_measured(pool: ServicePool) -> None:
    started = await pool.evolution.start(StartTrial(repository="shop"))
    done = await ended(pool, started.trial_id)

    assert started.status == "initializing"
    assert (done.status, done.current_generation, len(done.improvements)) == ("completed", 3, 3)
    assert done.best_fitness > 0.5
    assert sum(done.improvements) == pytest.approx(done.best_fitness)
    results = await pool.evolution.results(repository="shop")
    assert results.results[0].final_fitness == done.best_fitness
    patterns = await pool.evolution.patterns(trial_id=done.trial_id)
    assert patterns.total == done.patterns_discovered > 0
    assert all(0.7 <= pattern.confidence <= 1 for pattern in patterns.patterns)
    metrics = await pool.evolution.metrics()
    assert (metrics.completed_trials, metrics.average_generations) == (1, 3.0)
    assert metrics.average_fitness == round(done.best_fitness, 3)


async def test_the_same_seed_gives_the_same_trials(stubs: StubServices, pool: ServicePool) -> None:
    async def three() -> list[tuple[str, float, list[float]]]:
        trials = [await pool.evolution.start(StartTrial(repository="shop")) for _ in range(3)]
        done = [await ended(pool, trial.trial_id) for trial in trials]
        return [(trial.trial_id, trial.best_fitness, trial.improvements) for trial in done]

    first = await three()
    stubs.reset()
    assert await three() == first
    assert len({fitness for _, fitness, _ in first}) == 3
    stubs.evolution.scenario = standard(seed=9)
    other = await pool.evolution.start(StartTrial(repository="shop"))
    assert (await ended(pool, other.trial_id)).best_fitness not in {fitness for _, fitness, _ in first}


async def test_scripts_happen_to_the_next_trials_in_their_order(stubs: StubServices, pool: ServicePool) -> None:
    stubs.evolution.script(failing(2, error="the disk is full"), hanging(1))
    fails, hangs, completes = [await pool.evolution.start(StartTrial(repository=name)) for name in "abc"]

    failed = await ended(pool, fails.trial_id)
    assert (failed.status, failed.error, failed.current_generation) == ("failed", "the disk is full", 2)
    assert (await ended(pool, completes.trial_id)).status == "completed"
    assert (await pool.evolution.trial(hangs.trial_id)).status == "running"
    await pool.evolution.cancel(hangs.trial_id)
    assert (await pool.evolution.trial(hangs.trial_id)).status == "cancelled"
    with pytest.raises(RejectedRequest) as refused:
        await pool.evolution.cancel(hangs.trial_id)
    assert refused.value.status == 400


async def test_a_trial_can_be_taken_through_step_by_step(stubs: StubServices, pool: ServicePool) -> None:
    stubs.evolution.scenario = standard(2, pace=None)
    trial_id = (await pool.evolution.start(StartTrial(repository="shop"))).trial_id
    seen = []
    for _ in range(4):
        assert stubs.evolution.advance(trial_id) == 1
        trial = await pool.evolution.trial(trial_id)
        seen.append((trial.status, trial.current_generation))

    assert seen == [("running", 0), ("running", 1), ("running", 2), ("completed", 2)]
    assert stubs.evolution.advance(trial_id) == 0


async def test_the_config_can_end_a_trial_early(stubs: StubServices, pool: ServicePool) -> None:
    few = await pool.evolution.start(StartTrial(repository="a", generations=1))
    easy = await pool.evolution.start(StartTrial(repository="b", fitness_threshold=0.01))

    assert (await ended(pool, few.trial_id)).current_generation == 1
    done = await ended(pool, easy.trial_id)
    assert (done.current_generation, done.stop_reason) == (1, "fitness_threshold")


async def test_one_key_is_one_trial(stubs: StubServices, pool: ServicePool) -> None:
    one = await pool.evolution.start(StartTrial(repository="shop"), key="key-1")
    again = await pool.evolution.start(StartTrial(repository="shop"), key="key-1")

    assert one == again
    assert len(stubs.evolution.trials) == 1
    with pytest.raises(ConflictError):
        await pool.evolution.start(StartTrial(repository="other"), key="key-1")


async def test_unknown_ids_are_404(pool: ServicePool) -> None:
    with pytest.raises(NotFound):
        await pool.evolution.trial("trial-0")
    with pytest.raises(NotFound):
        await pool.indexagent.agent("agent-0")


async def test_created_agents_are_listed(stubs: StubServices, pool: ServicePool) -> None:
    made = [await pool.indexagent.create_agent(CreateAgent(name=name)) for name in ("a", "b", "c")]
    listed = await pool.indexagent.agents()

    assert [agent.id for agent in listed.agents] == [agent.id for agent in reversed(made)]
    assert all(agent.fitness_score is None for agent in listed.agents)
    stubs.reset()
    assert (await pool.indexagent.agents()).total == 0


async def test_a_population_is_bred_and_measured(pool: ServicePool) -> None:
    population = await pool.indexagent.create_population(CreatePopulation(size=8))
    assert population.best_fitness is None
    fitness = []
    for _ in range(3):
        generation = await pool.indexagent.next_generation(population.population_id)
        fitness.append(generation.stats.best_fitness)

    assert fitness == sorted(fitness)  # type: ignore[type-var]
    assert fitness[-1] > 0.5  # type: ignore[operator]
    assert generation.best_agent is not None
    assert (await pool.indexagent.agent(generation.best_agent.id)).fitness_score == fitness[-1]
    assert (await pool.indexagent.agents()).total == 8


async def test_files_and_patterns_are_found(stubs: StubServices, pool: ServicePool) -> None:
    stubs.indexagent.index("shop", {"orders.py": "def total(orders):\n    return sum(orders)\n", "a.md": "orders\n"})
    stubs.indexagent.learn(
        IndexPattern(id="pattern-1", type="optimization", confidence=0.9, description="", occurrences=3,
                     created_at=stubs.indexagent.now())
    )  # fmt: skip

    found = await pool.indexagent.search(Search(query="total orders", file_types=["py"]))
    assert [(hit.file_path, hit.line_number, hit.score) for hit in found.results] == [("orders.py", 1, 1.0)]
    assert (await pool.indexagent.index_status()).total_files == 2
    assert [pattern.id for pattern in (await pool.indexagent.patterns()).patterns] == ["pattern-1"]


async def test_strangers_are_refused(stubs: StubServices) -> None:
    strange = StubServices()
    async with strange:
        theirs = {endpoint.name: endpoint.credential for endpoint in strange.endpoints()}
    endpoints = [replace(one, credential=theirs[one.name]) for one in stubs.endpoints()]
    async with ServicePool(endpoints) as pool:
        with pytest.raises((AuthenticationError, PermissionDenied)):
            await pool.evolution.trials()
        with pytest.raises((AuthenticationError, PermissionDenied)):
            await pool.indexagent.agents()


async def test_a_killed_service_comes_back_with_what_it_knew(stubs: StubServices, pool: ServicePool) -> None:
    stubs.evolution.scenario = standard(3, pace=None)
    trial_id = (await pool.evolution.start(StartTrial(repository="shop"))).trial_id
    stubs.evolution.advance(steps=2)
    port = stubs.evolution.url
    await stubs.evolution.stop()
    health = await pool.check_all_services()
    assert health.services["evolution"].status == "unhealthy"
    await stubs.evolution.start()

    assert stubs.evolution.url == port
    assert (await pool.evolution.trial(trial_id)).current_generation == 1


def test_a_scenario_is_a_story() -> None:
    with pytest.raises(ValueError, match="starts once"):
        Scenario(steps=("generation",))
    with pytest.raises(ValueError, match="after a scenario's end"):
        Scenario(steps=("start", "complete", "generation"))
    assert standard(5).generations == 5


def test_they_serve_tests_without_a_loop() -> None:
    with StubServices() as services:

        async def health() -> str:
            async with services.pool() as pool:
                return (await pool.check_all_services()).status

        assert asyncio.run(health()) == "healthy"
        services.kill(services.indexagent)
        assert asyncio.run(health()) == "unhealthy"
        services.revive(services.indexagent)
        assert asyncio.run(health()) == "healthy"
        services.evolution.start_trial(StartTrial(repository="shop"))
        services.reset()
        assert services.evolution.trials == {}
