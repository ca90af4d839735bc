"""EvolutionTrialCoordinator over a service pool: what it promises for the embedded engine holds for a service, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dean_airflow.evolution.coordinator import EvolutionTrialCoordinator
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.engine import RemoteEngine
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import failing, hanging, standard
from dean_airflow.testing.services import StubServices

QUICK = {"poll_seconds": 0.02, "pause_seconds": 0.01, "timeout_seconds": 60, "generations": 7}
START = ("POST", "/evolution/start")


class Coordinators:
    """Makes coordinators over the stubs, and hears their progress."""

    def __init__(self, new_pool: Callable[..., ServicePool]) -> None:
        self._new_pool = new_pool
        self.heard: list[dict[str, Any]] = []

    def __call__(self, *without: str, progress: Any = None, **config: Any) -> EvolutionTrialCoordinator:
        return EvolutionTrialCoordinator(self._new_pool(*without), {**QUICK, **config}, progress or self.heard.append)


@pytest.fixture
def coordinator(new_pool: Callable[..., ServicePool]) -> Coordinators:
    return Coordinators(new_pool)


def statuses(stubs: StubServices) -> list[str]:
    return [trial.status for trial in stubs.evolution.trials.values()]


def test_a_trial_is_started_followed_and_kept(
    coordinator: Coordinators, stub_services: StubServices, dean_store: Store
) -> None:
    ended = coordinator(population_size=9).run_trial("https://example.org/shop.git")

    assert (ended.status, ended.errors, ended.stop_reason) == ("completed", [], "generations")
    assert ended.repository == "https://example.org/shop.git"
    (trial,) = stub_services.evolution.trials.values()
    assert (trial.config.generations, trial.config.population_size) == (7, 9)
    assert ended.generations_completed == trial.evolution.generation == 3
    assert ended.best_fitness == pytest.approx(trial.evolution.best.fitness)
    assert ended.best_fitness > 0.5
    assert sum(ended.improvements) == pytest.approx(ended.best_fitness)
    assert ended.result["remote"]["trial_id"] == trial.trial_id != ended.trial_id
    assert len(stub_services.evolution.requests.of(*START)) == 1
    kept = dean_store.trials.get(ended.trial_id)
    assert (kept.status, kept.outcome, kept.result) == ("completed", "improved", ended.result)
    steps = dean_store.sagas.latest(ended.trial_id).steps
    assert [step.name for step in steps] == [
        "health", "register_repository", "population", "evolution", "dag", "monitor", "collect", "persist",
    ]  # fmt: skip
    assert {step.state for step in steps} == {"done"}


def test_every_generation_is_told_once_and_in_order(coordinator: Coordinators, stub_services: StubServices) -> None:
    stub_services.evolution.script(standard(5))
    ended = coordinator().run_trial("r")

    assert [told["number"] for told in coordinator.heard] == [1, 2, 3, 4, 5]
    assert {told["trial_id"] for told in coordinator.heard} == {ended.trial_id}
    best = [told["best_fitness"] for told in coordinator.heard]
    assert best == sorted(best)
    assert best[-1] == pytest.approx(ended.best_fitness)


def test_a_callback_that_fails_or_is_asynchronous_does_no_harm(
    coordinator: Coordinators, stub_services: StubServices
) -> None:
    def fail(generation: dict[str, Any]) -> None:
        raise RuntimeError("no")

    heard: list[int] = []

    async def hear(generation: dict[str, Any]) -> None:
        heard.append(generation["number"])

    assert coordinator(progress=fail).run_trial("r").status == "completed"
    assert coordinator(progress=hear).run_trial("r").status == "completed"
    assert heard == [1, 2, 3]


def test_each_repository_has_a_trial_of_its_own(coordinator: Coordinators, stub_services: StubServices) -> None:
    ended = coordinator().run_trials(["a", "b", "c"])

    assert [one.repository for one in ended] == ["a", "b", "c"]
    assert [one.status for one in ended] == ["completed"] * 3
    assert len({one.trial_id for one in ended}) == 3
    assert [request.json["repository"] for request in stub_services.evolution.requests.of(*START)] == ["a", "b", "c"]


def test_overrides_hold_for_one_trial(coordinator: Coordinators, stub_services: StubServices) -> None:
    trials = coordinator()
    before = dict(trials.config)
    trials.run_trial("r", {"generations": 2, "poll_seconds": 0.01, "seed": 4})
    trials.run_trial("r")

    first, second = [request.json for request in stub_services.evolution.requests.of(*START)]
    assert (first["generations"], first["parameters"]["seed"]) == (2, 4)
    assert (second["generations"], "seed" in second["parameters"]) == (7, False)
    assert trials.config == before


def test_a_trial_that_fails_there_has_failed(
    coordinator: Coordinators, stub_services: StubServices, dean_store: Store
) -> None:
    stub_services.evolution.script(failing(2, error="out of memory"))
    ended = coordinator().run_trial("r")

    assert ended.status == "failed"
    assert ended.errors == [f"The remote trial {next(iter(stub_services.evolution.trials))} is failed: out of memory"]
    assert ended.generations_completed == 2
    assert dean_store.trials.get(ended.trial_id).error == ended.errors[0]
    assert stub_services.indexagent.agents == {}


def test_a_trial_cancelled_there_is_cancelled(coordinator: Coordinators, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))

    def cancel(generation: dict[str, Any]) -> None:
        stub_services.evolution.within(next(iter(stub_services.evolution.trials.values())).cancel)

    assert coordinator(progress=cancel).run_trial("r").status == "cancelled"


def test_patterns_are_fetched_by_the_services_id(coordinator: Coordinators, stub_services: StubServices) -> None:
    ended = coordinator().run_trial("r")
    (trial,) = stub_services.evolution.trials.values()

    assert trial.patterns
    assert {pattern["id"] for pattern in ended.patterns} == {pattern.id for pattern in trial.patterns}
    assert all(pattern["type"] == "optimization" and 0.7 <= pattern["confidence"] <= 1 for pattern in ended.patterns)
    asked = [request.query for request in stub_services.evolution.requests.of("GET", "/patterns")]
    assert any(f"trial_id={trial.trial_id}" in query for query in asked)


def test_a_deadline_cuts_a_slow_call_short_and_cancels_the_trial(
    coordinator: Coordinators, stub_services: StubServices, dean_store: Store
) -> None:
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("latency", path="/evolution/*/status", seconds=60, count=None)

    ended = coordinator(timeout_seconds=1.0).run_trial("r")

    assert ended.status == "failed"
    assert "timeout of 1 s" in ended.errors[0]
    assert ended.duration_seconds < 30
    assert statuses(stub_services) == ["cancelled"]
    assert stub_services.indexagent.agents == {}
    assert dean_store.sagas.latest(ended.trial_id).state == "compensated"


@pytest.mark.parametrize("kind", ["status", "drop", "truncate", "malformed", "wrong_types"])
def test_a_few_looks_that_fail_are_borne(coordinator: Coordinators, stub_services: StubServices, kind: str) -> None:
    stub_services.evolution.faults.add(kind, path="/evolution/*/status", after=1, count=5)
    assert coordinator().run_trial("r").status == "completed"


def test_too_many_looks_that_fail_are_not(coordinator: Coordinators, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("status", path="/evolution/*/status", after=1, count=None)

    ended = coordinator(status_errors=3).run_trial("r")

    assert ended.status == "failed"
    assert "could not be looked at 4 times in a row" in ended.errors[0]
    assert statuses(stub_services) == ["cancelled"]


def test_an_unhealthy_service_fails_it_before_anything_is_done(
    coordinator: Coordinators, stub_services: StubServices
) -> None:
    stub_services.indexagent.status = "unhealthy"
    ended = coordinator().run_trial("r")

    assert ended.status == "failed"
    assert "indexagent" in ended.errors[0]
    methods = {request.method for stub in stub_services.all for request in stub.requests}
    assert methods == {"GET"}


@pytest.mark.parametrize("option", [{"poll_seconds": 0}, {"generations": 0}, {"no_such_param": 1}])
def test_what_cannot_be_done_is_said_and_nothing_is_started(
    coordinator: Coordinators, stub_services: StubServices, option: dict[str, Any]
) -> None:
    ended = coordinator().run_trial("r", option)
    assert ended.status == "failed"
    assert next(iter(option)) in ended.errors[0]
    assert len(stub_services.evolution.requests) == 0


def test_outside_of_airflow_the_dag_is_triggered_and_inside_it_is_not(
    coordinator: Coordinators, new_engine: Callable[..., RemoteEngine], stub_services: StubServices, dean_store: Store
) -> None:
    ended = coordinator().run_trial("r")
    (trial,) = stub_services.evolution.trials.values()
    path = "/api/v2/dags/dean_evolution_trial/dagRuns"
    (asked,) = stub_services.airflow.requests.of("POST", path)
    assert asked.json["dag_run_id"] == f"dean__{trial.trial_id}__1"
    assert asked.json["conf"] == {"repository": "r", "trial_id": trial.trial_id}
    outcomes = dean_store.sagas.latest(ended.trial_id)
    assert outcomes.step("dag").outcome == {"dag_run_id": f"dean__{trial.trial_id}__1"}

    inside = coordinator()
    inside.runner = new_engine(inside_dag=True)
    assert inside.run_trial("r").status == "completed"
    assert len(stub_services.airflow.requests.of("POST", path)) == 1
