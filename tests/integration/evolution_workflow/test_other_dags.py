"""`dean_scheduled_trials` and `dean_maintenance` under `airflow dags test`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.airflow


@pytest.fixture
def dags_test(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Runs a DAG in this process, on a store of the test's own; answers the exit code."""
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    (tmp_path / "dean").mkdir()

    def run(dag_id: str) -> int:
        from airflow.cli.cli_parser import get_parser

        arguments = get_parser().parse_args(["dags", "test", dag_id])
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        return 0

    return run


@pytest.fixture
def unpaused_trial_dag(airflow_home: Path) -> Iterator[None]:
    """The trial DAG as a DAG processor stores it, switched on; the runs a test triggers are removed."""
    from airflow.cli.cli_parser import get_parser
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    reserialize = get_parser().parse_args(["dags", "reserialize"])
    reserialize.func(reserialize)
    with create_session() as session:
        session.get(DagModel, "dean_evolution_trial").is_paused = False
    yield
    with create_session() as session:
        for run in triggered_runs(session):
            session.delete(session.get(DagRun, run.id))


def triggered_runs(session) -> list:
    from airflow.models.dagrun import DagRun

    runs = session.query(DagRun).filter(
        DagRun.dag_id == "dean_evolution_trial", DagRun.run_id.startswith("dean__", autoescape=True)
    )
    return list(runs.order_by(DagRun.run_id))


def test_each_configured_repository_gets_a_run_of_its_own(
    dags_test: Callable[[str], int], unpaused_trial_dag: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.utils.session import create_session

    repositories = ["https://example.org/a.git", {"repository": "/srv/b", "generations": 3}]
    monkeypatch.setenv("AIRFLOW__DEAN__REPOSITORIES", json.dumps(repositories))

    assert dags_test("dean_scheduled_trials") == 0

    with create_session() as session:
        confs = {run.run_id.split("__")[1]: run.conf for run in triggered_runs(session)}
    assert confs == {
        "a": {"repository": "https://example.org/a.git"},
        "b": {"repository": "/srv/b", "generations": 3},
    }


def test_without_repositories_nothing_is_started(dags_test: Callable[[str], int], unpaused_trial_dag: None) -> None:
    from airflow.utils.session import create_session

    assert dags_test("dean_scheduled_trials") == 0
    with create_session() as session:
        assert triggered_runs(session) == []


def test_the_same_nights_run_asks_for_the_same_runs_again(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.operators.schedule import ScheduledTrialsOperator

    monkeypatch.setenv("AIRFLOW__DEAN__REPOSITORIES", "/srv/a,/srv/b,/home/a")
    plan = ScheduledTrialsOperator(task_id="plan")

    def run_ids(night: str) -> list[str]:
        return [run["trigger_run_id"] for run in plan.execute({"dag_run": SimpleNamespace(run_id=night)})]

    assert run_ids("monday") == run_ids("monday")
    assert len({*run_ids("monday"), *run_ids("tuesday")}) == 6


def test_every_entry_that_is_no_trial_is_named_before_any_starts(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dean_airflow.operators.schedule import ScheduledTrialsOperator

    entries = [{"repository": "/srv/a", "generations": 0}, "/srv/b", {"repository": "/srv/c", "wish": 1}]
    monkeypatch.setenv("AIRFLOW__DEAN__REPOSITORIES", json.dumps(entries))

    with pytest.raises(AirflowFailException) as error:
        ScheduledTrialsOperator(task_id="plan").execute({"dag_run": SimpleNamespace(run_id="monday")})
    assert "/srv/a" in str(error.value)
    assert "/srv/b" not in str(error.value)
    assert "wish" in str(error.value)


def test_maintenance_runs_on_an_empty_installation(dags_test: Callable[[str], int]) -> None:
    assert dags_test("dean_maintenance") == 0
