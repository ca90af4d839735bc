"""Triggers and the sensor in an event loop of the test's own, on stubs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.remote_setup import RemoteSetup
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import failing, hanging, standard
from dean_airflow.testing.services import StubServices
from tests.resilience.services.remote import until

pytestmark = [pytest.mark.airflow, pytest.mark.anyio]

CONNECTIONS = {"evolution": "dean_evolution", "indexagent": "dean_indexagent"}
CONFIG = {"repository": "https://example.org/shop.git", "generations": 9}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(
    airflow_home: Path, tmp_path: Path, stub_services: StubServices, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path))
    for stub in (stub_services.evolution, stub_services.indexagent):
        connection = {"conn_type": f"dean_{stub.name}", "host": stub.url, "password": stub.api_key}
        monkeypatch.setenv(f"AIRFLOW_CONN_DEAN_{stub.name.upper()}", json.dumps(connection))
    with Store.open(Settings(data_dir=tmp_path).store) as store:
        yield store


def setup(**options: Any) -> RemoteSetup:
    return RemoteSetup("trial-0123", CONFIG, {"poll_seconds": 0.05, **options}, CONNECTIONS, "a_dag/a_run/0")


async def started(setup: RemoteSetup) -> Any:
    """The trigger of a trial that was started."""
    from dean_airflow.triggers.trial import RemoteTrialTrigger

    async with setup.opened() as trial:
        return RemoteTrialTrigger(setup.serialized(), await trial.start())


async def event_of(trigger: Any) -> dict[str, Any]:
    return dict((await anext(trigger.run())).payload)


@pytest.mark.parametrize("scenario", [standard(2), failing(1)])
async def test_its_event_comes_when_the_trial_has_ended(
    store: Store, stub_services: StubServices, scenario: Any
) -> None:
    stub_services.evolution.script(scenario)
    event = await event_of(await started(setup()))
    (trial,) = stub_services.evolution.trials.values()
    assert event == {"status": "ended", "message": f"The remote trial {trial.trial_id} is {trial.status}."}


async def test_the_services_hear_who_triggered_the_run(store: Store, stub_services: StubServices) -> None:
    async with replace(setup(), user="ann").opened() as trial:
        await trial.start()
    (start,) = [one for one in stub_services.evolution.requests if one.path.endswith("/evolution/start")]
    assert start.headers["x-user-id"] == "ann"


async def test_its_event_says_that_the_deadline_has_passed(store: Store, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    event = await event_of(await started(setup(timeout_seconds=2)))
    assert event["status"] == "timeout"
    assert "timeout of 2 s" in event["message"]


async def test_its_event_says_that_somebody_stopped_the_trial(store: Store, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    trigger = await started(setup())
    store.trials.transition("trial-0123", "cancelled", stop_reason="cancelled")
    assert (await event_of(trigger))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("state", "cancelled"),
    [("failed", True), ("success", True), ("skipped", True), (None, False), ("scheduled", False), ("deferred", False)],
)
async def test_only_a_task_that_was_ended_cancels_its_trial(
    store: Store, stub_services: StubServices, monkeypatch: pytest.MonkeyPatch, state: str | None, cancelled: bool
) -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    stub_services.evolution.script(hanging(1))
    trigger = await started(setup())
    trigger.task_instance = SimpleNamespace(
        dag_id="a_dag", task_id="remote_trial", run_id="a_run", map_index=-1, task=None, trigger_timeout=None
    )
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **asked: {"a_run": {"remote_trial": state}})
    await trigger.on_kill()
    (trial,) = stub_services.evolution.trials.values()
    assert (trial.status == "cancelled") is cancelled
    assert (store.trials.get("trial-0123").status == "cancelled") is cancelled


class Kept:
    """An asset's state, as Airflow keeps it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str) -> Any:
        return self.values.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture
def watching() -> Callable[..., Any]:
    def make(kept: Kept, **rest: Any) -> Any:
        from dean_airflow.triggers.trial_finished import RemoteTrialFinishedTrigger

        trigger = RemoteTrialFinishedTrigger(poll_seconds=0.05, **rest)
        trigger.asset_state_store = kept
        return trigger

    return make


async def heard(trigger: Any, events: list[dict[str, Any]]) -> None:
    async for event in trigger.run():
        events.append(event.payload)  # noqa: PERF401


async def begin(stubs: StubServices, repository: str) -> str:
    from dean_airflow.services.contract.trials import StartTrial

    config = StartTrial(repository=repository)
    return str((await asyncio.to_thread(stubs.evolution.within, lambda: stubs.evolution.start_trial(config))).trial_id)


async def test_each_trial_that_completes_is_told_once_also_after_a_restart(
    store: Store, stub_services: StubServices, watching: Callable[..., Any]
) -> None:
    before = await begin(stub_services, "r")
    await until(lambda: stub_services.evolution.trials[before].ended)
    kept, events = Kept(), []
    first = asyncio.create_task(heard(watching(kept), events))
    await until(lambda: kept.values)
    stub_services.evolution.script(standard(1), failing(1))
    told = await begin(stub_services, "r")
    failed = await begin(stub_services, "r")
    await until(lambda: events)
    await until(lambda: stub_services.evolution.trials[failed].ended)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    later = await begin(stub_services, "another")
    again = asyncio.create_task(heard(watching(kept), events))
    await until(lambda: len(events) == 2)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    assert [event["trial_id"] for event in events] == [told, later]
    assert {event["status"] for event in events} == {"completed"}


async def test_a_repositorys_failures_can_be_told_and_a_service_that_is_away_is_asked_again(
    store: Store, stub_services: StubServices, watching: Callable[..., Any]
) -> None:
    kept, events = Kept(), []
    stub_services.evolution.faults.add("status", path="/evolution/trials", status=500, count=3)
    running = asyncio.create_task(heard(watching(kept, repository="r", failed=True), events))
    await until(lambda: kept.values)
    stub_services.evolution.script(failing(1), standard(1))
    wanted = await begin(stub_services, "r")
    await begin(stub_services, "another")
    await until(lambda: events)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(event["trial_id"], event["status"]) for event in events] == [(wanted, "failed")]


async def test_health_is_waited_for_until_its_timeout(store: Store, stub_services: StubServices) -> None:
    from dean_airflow.triggers.service_health import ServiceHealthTrigger

    stub_services.indexagent.status = "unhealthy"
    late = asyncio.create_task(event_of(ServiceHealthTrigger(CONNECTIONS, 0.05, 60)))
    await until(lambda: len(stub_services.indexagent.requests.of("GET", "/health")) > 2)
    stub_services.indexagent.status = "degraded"
    assert (await late)["status"] == "healthy"

    strict = await event_of(ServiceHealthTrigger(CONNECTIONS, 0.05, 0.3, accept_degraded=False))
    assert strict["status"] == "timeout"
    assert "dean_indexagent is degraded" in strict["message"]


async def test_health_of_a_connection_that_cannot_be_used_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.triggers.service_health import ServiceHealthTrigger

    monkeypatch.setenv("AIRFLOW_CONN_DEAN_EVOLUTION", json.dumps({"conn_type": "dean_evolution", "password": "k" * 40}))
    event = await event_of(ServiceHealthTrigger(CONNECTIONS, 0.05, 60))
    assert event["status"] == "failed"
    assert "dean_evolution has no host" in event["message"]
