"""A remote trial in the caller's own event loop, and the patterns that each service learns of from the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dean_airflow.config import Settings
from dean_airflow.errors import TrialCancelled
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.caches import ServiceCaches
from dean_airflow.services.contract.patterns import IndexPattern, PatternQuery
from dean_airflow.services.errors import RejectedRequest
from dean_airflow.services.evolution.service import EvolutionService
from dean_airflow.services.pattern_exchange import AT_MOST_SECONDS, EVERY_SECONDS, exchange_patterns
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.engine import execute_evolution_trial
from dean_airflow.services.remote.mirror import Origin
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.trial import RemoteTrial
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import hanging, standard
from dean_airflow.testing.services import StubServices
from tests.resilience.services.remote import until

from .conftest import QUICK

pytestmark = pytest.mark.anyio

CONFIG = TrialConfig.build({"repository": "https://example.org/shop.git", "generations": 9})
LEARNT = IndexPattern(
    id="pattern-of-indexagent", type="structural", confidence=0.9, description="seen in the index", occurrences=4,
    repositories=["shop"], created_at=datetime.now(UTC),
)  # fmt: skip


async def test_without_waiting_it_says_what_it_started_and_can_be_waited_for_later(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    async with new_pool() as pool:
        begun = await execute_evolution_trial(pool, dean_store, CONFIG, wait_for_completion=False, options=QUICK)
        (trial_id,) = stub_services.evolution.trials
        (population_id,) = stub_services.indexagent.populations
        assert begun == {
            "status": "workflow_triggered",
            "trial_id": begun["trial_id"],
            "evolution_trial_id": trial_id,
            "population_id": population_id,
            "dag_run_id": f"dean__{trial_id}__1",
        }
        ended = await execute_evolution_trial(pool, dean_store, CONFIG, trial_id=begun["trial_id"], options=QUICK)
    assert ended["status"] == "completed"
    assert list(stub_services.evolution.trials) == [trial_id]


async def test_what_cannot_be_started_is_taken_back(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    stub_services.evolution.faults.add("status", path="/evolution/start", status=400, count=None)
    async with new_pool() as pool:
        with pytest.raises(RejectedRequest):
            await execute_evolution_trial(pool, dean_store, CONFIG, wait_for_completion=False, options=QUICK)
    assert stub_services.indexagent.populations != {}
    assert stub_services.indexagent.agents == {}


async def test_without_indexagent_and_airflow_a_trial_has_neither_population_nor_run(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    async with new_pool("indexagent", "airflow") as pool:
        begun = await execute_evolution_trial(pool, dean_store, CONFIG, wait_for_completion=False, options=QUICK)
    assert (begun["population_id"], begun["dag_run_id"]) == (None, None)
    assert stub_services.indexagent.populations == {}


async def test_five_trials_at_a_time_keep_apart(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    stub_services.evolution.script(*[standard(count, seed=count) for count in range(1, 6)])
    async with new_pool() as pool:
        configs = [CONFIG.model_copy(update={"repository": f"r{number}"}) for number in range(5)]
        ended = await asyncio.gather(
            *(execute_evolution_trial(pool, dean_store, config, options=QUICK) for config in configs)
        )
    assert sorted(one["remote"]["generations"] for one in ended) == [1, 2, 3, 4, 5]
    for one in ended:
        remote = stub_services.evolution.trials[one["remote"]["trial_id"]]
        assert one["repository"] == remote.config.repository
        assert one["fitness"] == pytest.approx(remote.evolution.best.fitness)
        numbers = [
            event.data["number"] for event in dean_store.events.since(one["trial_id"]) if event.kind == "generation"
        ]
        assert numbers == list(range(1, one["remote"]["generations"] + 1))


async def test_a_trial_another_process_took_over_stops_here_and_goes_on_there(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    stub_services.evolution.script(hanging(1))
    async with new_pool() as first, new_pool() as second:
        begun = await execute_evolution_trial(first, dean_store, CONFIG, wait_for_completion=False, options=QUICK)
        trial_id = begun["trial_id"]
        here = asyncio.create_task(execute_evolution_trial(first, dean_store, CONFIG, trial_id=trial_id, options=QUICK))
        await until(lambda: dean_store.trials.get(trial_id).current_generation)
        there = asyncio.create_task(
            execute_evolution_trial(second, dean_store, CONFIG, trial_id=trial_id, options=QUICK)
        )
        with pytest.raises(Exception, match="another attempt"):
            await here
        (remote,) = stub_services.evolution.trials.values()
        assert remote.status == "running"
        await asyncio.to_thread(stub_services.evolution.within, lambda: remote.apply("complete"))
        assert (await there)["status"] == "completed"


async def test_each_service_sees_what_the_other_found(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices, tmp_path
) -> None:
    """Of DEAN's own servers, which read the store, as the stubs do not."""
    stub_services.indexagent.learn(LEARNT)
    async with new_pool() as pool:
        await execute_evolution_trial(pool, dean_store, CONFIG, options=QUICK)
        again = await exchange_patterns(pool, dean_store)
    assert (again.new, again.failed) == (0, {})
    (trial,) = stub_services.evolution.trials.values()
    assert again.seen == {"evolution": len(trial.patterns), "indexagent": 1}

    service = EvolutionService(Settings(data_dir=tmp_path), dean_store, Threads(2), runner=None)
    shown = await service.patterns(PatternQuery())
    assert [(one.id, one.type, one.confidence, one.repositories) for one in shown.patterns] == [
        (LEARNT.id, "structural", 0.9, ["shop"])
    ]
    told = dean_store.service_patterns.list(other_than="indexagent")
    assert {one.id for one in told} == {one.id for one in trial.patterns}


async def test_what_a_service_only_passes_on_stays_its_finders(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    async with new_pool() as pool:
        await execute_evolution_trial(pool, dean_store, CONFIG, options=QUICK)
        (trial,) = stub_services.evolution.trials.values()
        echo = [LEARNT.model_copy(update={"id": one.id}) for one in trial.patterns]
        stub_services.indexagent.learn(*echo)
        assert (await exchange_patterns(pool, dean_store)).new == 0
    assert {one.service for one in dean_store.service_patterns.list()} == {"evolution"}


async def test_a_pattern_found_in_the_middle_is_exchanged_before_the_end(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    """Nobody waits for a minute here: the bound is how often is exchanged, and that a look asks whether it is due."""
    assert RemoteOptions().exchange_seconds == EVERY_SECONDS
    assert EVERY_SECONDS + RemoteOptions().poll_seconds <= AT_MOST_SECONDS
    stub_services.evolution.script(standard(5, pace=None))
    options = replace(QUICK, exchange_seconds=0.01)
    async with new_pool() as pool:
        caches = ServiceCaches(pool, dean_store)
        assert await caches.patterns() == []
        running = asyncio.create_task(execute_evolution_trial(pool, dean_store, CONFIG, options=options))
        await until(lambda: stub_services.evolution.trials)
        (trial,) = stub_services.evolution.trials.values()
        while not trial.patterns:
            await asyncio.to_thread(stub_services.evolution.advance)
        await until(lambda: dean_store.cache_versions.current("patterns"))
        assert await caches.patterns() != []
        assert trial.status == "running"
        await asyncio.to_thread(stub_services.evolution.advance, None, 10)
        await running


async def test_a_service_that_cannot_be_read_is_named_and_the_other_is_read(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    stub_services.indexagent.learn(LEARNT)
    stub_services.evolution.faults.add("status", path="/patterns", status=500, count=None)
    async with new_pool() as pool:
        exchanged = await exchange_patterns(pool, dean_store)
    assert exchanged.seen == {"indexagent": 1}
    assert list(exchanged.failed) == ["evolution"]


async def test_a_stop_that_comes_late_leaves_the_next_runs_trial_alone(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    """As the kill of a cleared task may, when its triggerer was busy."""
    stub_services.evolution.script(hanging(1), hanging(1))
    async with new_pool() as pool:
        first = RemoteTrial(pool, dean_store, "trial-0123", CONFIG, QUICK, origin=Origin("run/0"))
        await first.start()
        await first.stop()
        again = RemoteTrial(pool, dean_store, "trial-0123", CONFIG, QUICK, origin=Origin("run/1"))
        await again.start()
        await first.stop()
        assert [trial.status for trial in stub_services.evolution.trials.values()][1] != "cancelled"
        assert dean_store.trials.get("trial-0123").status == "running"
        await again.stop()
    assert [trial.status for trial in stub_services.evolution.trials.values()] == ["cancelled", "cancelled"]


async def test_an_attempt_that_was_stopped_does_not_go_on(
    new_pool: Callable[..., ServicePool], dean_store: Store, stub_services: StubServices
) -> None:
    async with new_pool() as pool:
        trial = RemoteTrial(pool, dean_store, "trial-0123", CONFIG, QUICK, origin=Origin("run/0"))
        await trial.start()
        await trial.stop()
        with pytest.raises(TrialCancelled):
            await trial.start()
    assert len(stub_services.evolution.trials) == 1
