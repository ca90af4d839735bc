"""`airflow dags test dean_remote_trial` against stubs: the whole DAG, its deferring included."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import failing, hanging, standard
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.airflow

QUICK = {"repository": "https://example.org/shop.git", "poll_seconds": 0.05, "generations": 9}


@dataclass(frozen=True)
class Run:
    """A DAG run after its end; `result` is what close_trial answered."""

    exit_code: int
    run_id: str
    states: dict[str, str]
    xcoms: dict[str, Any]

    @property
    def result(self) -> Any:
        return self.xcoms.get("close_trial")


@pytest.fixture
def store(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    data = tmp_path / "dean"
    data.mkdir()
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(data))
    with Store.open(Settings(data_dir=data).store) as store:
        yield store


@pytest.fixture
def dags_test(store: Store, stub_services: StubServices, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs the DAG in this process, the stubs behind the usual connections."""
    for stub in (stub_services.evolution, stub_services.indexagent):
        connection = {"conn_type": f"dean_{stub.name}", "host": stub.url, "password": stub.api_key}
        monkeypatch.setenv(f"AIRFLOW_CONN_DEAN_{stub.name.upper()}", json.dumps(connection))

    def run(**params: Any) -> Run:
        from airflow.cli.cli_parser import get_parser

        before = _run_ids()
        words = ["dags", "test", "dean_remote_trial", "--conf", json.dumps({**QUICK, **params})]
        arguments = get_parser().parse_args(words)
        code = 0
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        (run_id,) = _run_ids() - before
        return Run(code, run_id, *_tasks(run_id))

    return run


def _run_ids() -> set[str]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return {run.run_id for run in session.query(DagRun).filter(DagRun.dag_id == "dean_remote_trial")}


def _tasks(run_id: str) -> tuple[dict[str, str], dict[str, Any]]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        states = {task.task_id: task.state for task in session.query(TaskInstance).filter_by(run_id=run_id)}
        rows = session.query(XComModel).filter_by(run_id=run_id, key="return_value")
        return states, {row.task_id: XComModel.deserialize_value(row) for row in rows}


def test_a_remote_trial_runs_to_its_end(
    dags_test: Callable[..., Run], stub_services: StubServices, store: Store
) -> None:
    stub_services.evolution.script(standard(4, pace=0.1))
    run = dags_test()

    assert run.states == dict.fromkeys(["check_services", "remote_trial", "collect_patterns", "close_trial"], "success")
    assert run.exit_code == 0
    (trial,) = stub_services.evolution.trials.values()
    assert (run.result["status"], run.result["outcome"]) == ("completed", "improved")
    assert run.result["remote"]["trial_id"] == trial.trial_id
    assert run.result["remote"]["generations"] == 4
    assert {pattern["id"] for pattern in run.xcoms["collect_patterns"]} == {one.id for one in trial.patterns}
    ours = store.trials.get(run.result["trial_id"])
    assert (ours.id, ours.run_id) == (store.trial_id_of_run("dean_remote_trial", run.run_id), run.run_id)
    generations = [event.data["number"] for event in store.events.since(ours.id) if event.kind == "generation"]
    assert generations == [1, 2, 3, 4]
    assert len(stub_services.evolution.requests.of("POST", "/evolution/start")) == 1
    assert len(stub_services.airflow.requests) == 0


def test_a_trial_that_fails_there_fails_the_run(
    dags_test: Callable[..., Run], stub_services: StubServices, store: Store
) -> None:
    stub_services.evolution.script(failing(1, error="out of memory"))
    run = dags_test()

    assert run.exit_code == 1
    assert run.states["remote_trial"] == run.states["close_trial"] == "failed"
    assert run.result["status"] == "failed"
    assert "out of memory" in run.result["error"]
    assert stub_services.indexagent.agents == {}


@pytest.mark.slow
def test_the_deadline_cancels_the_trial_there(
    dags_test: Callable[..., Run], stub_services: StubServices, store: Store
) -> None:
    stub_services.evolution.script(hanging(1))
    run = dags_test(timeout_seconds=3)

    assert run.states["remote_trial"] == "failed"
    assert "timeout of 3 s" in run.result["error"]
    assert [trial.status for trial in stub_services.evolution.trials.values()] == ["cancelled"]
    assert store.sagas.latest(run.result["trial_id"]).state == "compensated"


def test_stopped_by_the_command_it_is_cancelled_there(
    dags_test: Callable[..., Run], stub_services: StubServices, store: Store
) -> None:
    """`airflow dean evolution stop` marks the trial in the store; the trigger sees that at its next look."""
    stub_services.evolution.script(hanging(2, pace=0.05))

    def stop_at_the_second() -> None:
        while not store.trials.list() or store.trials.list()[0].current_generation < 2:
            time.sleep(0.02)
        store.trials.transition(store.trials.list()[0].id, "cancelled", stop_reason="cancelled")

    stopping = threading.Thread(target=stop_at_the_second, daemon=True)
    stopping.start()
    run = dags_test()

    assert run.states["remote_trial"] == "failed"
    assert run.result["status"] == "cancelled"
    assert [trial.status for trial in stub_services.evolution.trials.values()] == ["cancelled"]


@pytest.mark.slow
def test_a_service_that_comes_late_is_waited_for(dags_test: Callable[..., Run], stub_services: StubServices) -> None:
    stub_services.evolution.faults.add("status", method="GET", path="/health", status=503, count=2)
    run = dags_test()

    assert run.states["check_services"] == "success"
    assert run.result["status"] == "completed"


def test_what_the_service_refuses_fails_at_once_and_leaves_nothing(
    dags_test: Callable[..., Run], stub_services: StubServices
) -> None:
    stub_services.evolution.faults.add("status", path="/evolution/start", status=422, count=None)
    run = dags_test()

    assert run.states["remote_trial"] == "failed"
    assert len(stub_services.evolution.requests.of("POST", "/evolution/start")) == 1
    assert stub_services.indexagent.agents == {}


@pytest.mark.slow
def test_a_failing_service_is_left_to_airflows_retries(
    dags_test: Callable[..., Run], stub_services: StubServices
) -> None:
    stub_services.evolution.faults.add("status", method="POST", path="/evolution/start", status=500, count=4)
    run = dags_test()

    assert run.states["remote_trial"] == "success"
    assert len(stub_services.evolution.trials) == 1
    assert len(stub_services.indexagent.requests.of("POST", "/evolution/population")) == 1
