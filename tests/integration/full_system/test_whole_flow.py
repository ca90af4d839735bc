"""Services → pool → trial → metrics → pattern: one trial seen from every room, over real HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.metrics.collector import MetricsCollector
from dean_airflow.metrics.sources.airflow import AirflowSource
from dean_airflow.metrics.sources.evolution import EvolutionSource
from dean_airflow.metrics.sources.indexagent import IndexAgentSource
from dean_airflow.services.contract.agents import CreateAgent
from dean_airflow.services.contract.patterns import IndexPattern
from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.remote.engine import execute_evolution_trial
from dean_airflow.testing import StubServices, standard
from tests.resilience.services.remote import CONFIG, QUICK, Trials

pytestmark = pytest.mark.anyio
FOUND_ELSEWHERE = IndexPattern(
    id="pattern-of-the-index", type="structural", confidence=0.9, description="seen in many repositories",
    occurrences=4, repositories=["shop"], created_at=datetime(2026, 1, 2, tzinfo=UTC),
)  # fmt: skip


async def test_one_trial_is_the_same_in_every_room(trials: Trials, stub_services: StubServices) -> None:
    stub_services.indexagent.learn(FOUND_ELSEWHERE)
    async with trials.pool() as pool:
        collector = MetricsCollector(
            [EvolutionSource(pool, "evolution"), IndexAgentSource(pool, "indexagent"), AirflowSource(pool, "airflow")]
        )
        before = await collector.collect_all_metrics()
        result = await execute_evolution_trial(pool, trials.store, TrialConfig.build(CONFIG), options=QUICK)
        after = await collector.collect_all_metrics()

    # The trial: what the service measured is what is kept and told here.
    (remote,) = stub_services.evolution.trials.values()
    kept = trials.store.trials.get(result["trial_id"])
    assert (result["status"], kept.status, remote.status) == ("completed",) * 3
    assert result["fitness"] == pytest.approx(remote.evolution.best.fitness) == kept.best_fitness
    assert kept.improvements == pytest.approx(remote.evolution.improvements)
    assert len(trials.dag_runs) == 1

    # The metrics: the services' own figures, before and after.
    assert before["services"]["evolution"]["metrics"]["completed_trials"] == 0
    assert after["services"]["evolution"]["metrics"]["completed_trials"] == 1
    assert after["services"]["evolution"]["metrics"]["average_fitness"] == round(result["fitness"], 3)
    assert {service["health"]["status"] for service in after["services"].values()} == {"healthy"}

    # The patterns: each service's are known to the other.
    told = {pattern.id: pattern.service for pattern in trials.store.service_patterns.list()}
    assert told == {FOUND_ELSEWHERE.id: "indexagent", **{pattern.id: "evolution" for pattern in remote.patterns}}
    assert all(pattern.effectiveness and pattern.effectiveness > 0 for pattern in remote.patterns)


async def test_everything_is_listed_at_the_same_time(trials: Trials, stub_services: StubServices) -> None:
    stub_services.indexagent.learn(FOUND_ELSEWHERE)
    for name in ("a", "b", "c"):
        stub_services.indexagent.create_agent(CreateAgent(name=name))
    stub_services.evolution.scenario = standard(2, pace=None)
    stub_services.evolution.start_trial(StartTrial(repository="shop"))
    stub_services.evolution.advance(steps=9)

    async with trials.pool() as pool:
        agents, dags, found, learnt, health = await asyncio.gather(
            pool.indexagent.agents(),
            pool.airflow.dags(),
            pool.evolution.patterns(),
            pool.indexagent.patterns(),
            pool.check_all_services(),
        )

    assert [agent.name for agent in agents.agents] == ["c", "b", "a"]
    assert {"dean_evolution_trial", "dean_remote_trial"} <= {dag.dag_id for dag in dags.dags}
    assert found.total > 0
    assert learnt.total == 1
    assert health.status == "healthy"


async def test_started_without_waiting_it_says_what_was_triggered_where(
    trials: Trials, stub_services: StubServices
) -> None:
    async with trials.pool() as pool:
        begun = await execute_evolution_trial(
            pool, trials.store, TrialConfig.build(CONFIG), wait_for_completion=False, options=QUICK
        )

    assert begun["status"] == "workflow_triggered"
    assert [begun["evolution_trial_id"]] == list(stub_services.evolution.trials)
    assert [begun["population_id"]] == list(stub_services.indexagent.populations)
    assert [begun["dag_run_id"]] == [run.run_id for run in trials.dag_runs]
    assert trials.dag_runs[0].conf["trial_id"]
