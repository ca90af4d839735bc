"""The operator of a remote trial without a scheduler: how it waits, is killed, and what it leaves to retries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.store.ids import trial_id_of_run
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import hanging
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.airflow

CONFIG = {"repository": "https://example.org/shop.git", "generations": 9, "timeout_seconds": 60}


@pytest.fixture
def store(
    airflow_home: Path, tmp_path: Path, stub_services: StubServices, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """The store the operators open, with the stubs behind the usual connections."""
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path))
    for stub in (stub_services.evolution, stub_services.indexagent):
        connection = {"conn_type": f"dean_{stub.name}", "host": stub.url, "password": stub.api_key}
        monkeypatch.setenv(f"AIRFLOW_CONN_DEAN_{stub.name.upper()}", json.dumps(connection))
    with Store.open(Settings(data_dir=tmp_path).store) as store:
        yield store


def context(try_number: int = 3, **params: Any) -> dict[str, Any]:
    run = SimpleNamespace(dag_id="a_dag", run_id="a_run", clear_number=0, triggering_user_name="ann")
    task = SimpleNamespace(try_number=try_number, max_tries=2)
    return {"dag_run": run, "params": params, "ti": task}


@pytest.fixture
def operator() -> Callable[..., Any]:
    def make(**rest: Any) -> Any:
        from dean_airflow.operators.remote_trial import RemoteTrialOperator

        return RemoteTrialOperator(task_id="remote_trial", config=CONFIG, poll_seconds=0.05, **rest)

    return make


def test_without_deferring_it_waits_in_its_slot(
    operator: Callable[..., Any], store: Store, stub_services: StubServices
) -> None:
    result = operator(deferrable=False).execute(context())
    assert result["status"] == "completed"
    assert result["trial_id"] == trial_id_of_run(store.id, "a_dag", "a_run")


def test_what_it_hands_to_the_triggerer_holds_no_secret(
    operator: Callable[..., Any], store: Store, stub_services: StubServices
) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    from dean_airflow.triggers.trial import RemoteTrialTrigger

    with pytest.raises(TaskDeferred) as deferred:
        operator().execute(context())
    path, kwargs = deferred.value.trigger.serialize()
    assert path == f"{RemoteTrialTrigger.__module__}.{RemoteTrialTrigger.__qualname__}"
    text = json.dumps(kwargs)
    assert not any(stub.api_key in text for stub in (stub_services.evolution, stub_services.indexagent))
    assert RemoteTrialTrigger(**json.loads(text)).serialize() == (path, kwargs)
    assert deferred.value.timeout.total_seconds() > CONFIG["timeout_seconds"]


@pytest.mark.parametrize("deferrable", [True, False])
def test_killed_while_it_works_it_takes_everything_back(
    operator: Callable[..., Any], store: Store, stub_services: StubServices, deferrable: bool
) -> None:
    from airflow.sdk.exceptions import AirflowException

    stub_services.evolution.script(hanging(1))
    if deferrable:  # its work is then only to start the trial
        stub_services.evolution.faults.add("latency", path="/evolution/start", seconds=60, count=1)
    task = operator(deferrable=deferrable)

    def kill() -> None:
        while not stub_services.evolution.trials or not (deferrable or store.trials.list()[0].current_generation):
            threading.Event().wait(0.02)
        task.on_kill()

    killing = threading.Thread(target=kill, daemon=True)
    killing.start()
    with pytest.raises(AirflowException, match="told to end"):
        task.execute(context(try_number=1))

    assert [trial.status for trial in stub_services.evolution.trials.values()] == ["cancelled"]
    assert stub_services.indexagent.agents == {}
    assert store.trials.get(trial_id_of_run(store.id, "a_dag", "a_run")).status == "cancelled"


def test_a_passing_fault_is_left_to_airflows_retries_which_find_what_was_done(
    operator: Callable[..., Any], store: Store, stub_services: StubServices
) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    from dean_airflow.services.errors import ServiceFault

    stub_services.evolution.faults.add("status", path="/evolution/start", status=500, count=3)
    with pytest.raises(ServiceFault):
        operator().execute(context(try_number=1))
    assert len(stub_services.indexagent.populations) == 1
    assert store.trials.list()[0].status == "initializing"
    with pytest.raises(TaskDeferred):
        operator().execute(context(try_number=2))
    assert len(stub_services.indexagent.populations) == len(stub_services.evolution.trials) == 1


def test_the_last_attempts_fault_takes_everything_back(
    operator: Callable[..., Any], store: Store, stub_services: StubServices
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    stub_services.evolution.faults.add("status", path="/evolution/start", status=500, count=None)
    with pytest.raises(AirflowFailException):
        operator().execute(context(try_number=3))
    assert stub_services.indexagent.agents == {}
    assert store.trials.list()[0].status == "failed"


def test_results_and_patterns_of_the_service(
    operator: Callable[..., Any], store: Store, stub_services: StubServices
) -> None:
    from dean_airflow.operators.service_data import RemotePatternsOperator, RemoteResultsOperator

    remote_id = operator(deferrable=False).execute(context())["remote"]["trial_id"]
    results = RemoteResultsOperator(task_id="results", min_fitness=0.5).execute(context())
    patterns = RemotePatternsOperator(task_id="patterns", evolution_trial_id=remote_id).execute(context())
    assert [result["trial_id"] for result in results] == [remote_id]
    assert {pattern["trial_id"] for pattern in patterns} == {remote_id}
    assert RemoteResultsOperator(task_id="none", repository="another").execute(context()) == []


def test_without_a_service_it_says_what_to_configure(
    operator: Callable[..., Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.delenv("AIRFLOW_CONN_DEAN_EVOLUTION")
    with pytest.raises(AirflowFailException, match="dean_evolution"):
        operator().execute(context(try_number=1))
