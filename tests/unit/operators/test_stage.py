"""What every stage operator does around its stage: whose trial it is, how it fails, how it is told to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.errors import BaselineError, TrialCancelled
from dean_airflow.store.ids import trial_id_of_run
from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store the operators under test open, by the settings."""
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path))
    with Store.open(Settings(data_dir=tmp_path).store) as store:
        yield store


def context(**given: Any) -> dict[str, Any]:
    run = SimpleNamespace(dag_id="a_dag", run_id="a_run", clear_number=0)
    task = SimpleNamespace(try_number=given.pop("try_number", 1), max_tries=2)
    return {"dag_run": run, "params": given, "ti": task}


def operator(stage: Any) -> Any:
    from dean_airflow.operators.stage import TrialStageOperator

    class Stage(TrialStageOperator):
        def run_stage(self, trial_id: str, engine: Any, context: Any) -> Any:
            return stage(trial_id, engine)

    return Stage(task_id="stage")


def running_trial(store: Store) -> str:
    trial_id = trial_id_of_run(store.id, "a_dag", "a_run")
    store.trials.create(trial_id, {"repository": "/srv/a"})
    store.trials.transition(trial_id, "initializing")
    store.trials.transition(trial_id, "running")
    return trial_id


def test_a_runs_trial_is_the_same_for_all_its_tasks(store: Store) -> None:
    seen = [operator(lambda trial_id, engine: trial_id).execute(context()) for _ in range(2)]

    assert seen == [trial_id_of_run(store.id, "a_dag", "a_run")] * 2


def test_a_run_given_a_trial_attaches_to_it(store: Store) -> None:
    assert operator(lambda trial_id, engine: trial_id).execute(context(trial_id="trial-given")) == "trial-given"


def test_a_users_error_fails_at_once_with_its_sentence_and_is_kept(store: Store) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    trial_id = running_trial(store)

    def fails(trial_id: str, engine: Any) -> None:
        raise BaselineError("Two tests fail: a, b.")

    with pytest.raises(AirflowFailException, match=r"^Two tests fail: a, b\.$"):
        operator(fails).execute(context())
    trial = store.trials.get(trial_id)
    assert (trial.status, trial.stop_reason, trial.error) == ("failed", "error", "Two tests fail: a, b.")


@pytest.mark.parametrize(("try_number", "status"), [(1, "running"), (2, "running"), (3, "failed")])
def test_a_fault_is_left_to_retries_and_fails_the_trial_with_the_last(
    store: Store, try_number: int, status: str
) -> None:
    trial_id = running_trial(store)

    def fails(trial_id: str, engine: Any) -> None:
        raise ConnectionError("reset")

    with pytest.raises(ConnectionError):
        operator(fails).execute(context(try_number=try_number))
    assert store.trials.get(trial_id).status == status


def test_a_cancelled_trial_is_not_called_failed(store: Store) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    trial_id = running_trial(store)
    store.trials.transition(trial_id, "cancelled", stop_reason="cancelled")

    def refused(trial_id: str, engine: Any) -> None:
        raise TrialCancelled("It was stopped.")

    with pytest.raises(AirflowFailException):
        operator(refused).execute(context())
    assert store.trials.get(trial_id).status == "cancelled"


def test_told_to_end_a_stage_stops_where_it_is_and_may_be_retried(store: Store) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    trial_id = running_trial(store)
    reached = []

    def works(trial_id: str, engine: Any) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            reached.append("went on")
        except Exception:  # as a stage does that takes any exception for a candidate's
            reached.append("swallowed it")
        finally:
            reached.append("cleaned up")

    task = operator(works)
    before = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner does
    try:
        with pytest.raises(AirflowException) as raised:
            task.execute(context())
    finally:
        signal.signal(signal.SIGTERM, before)

    assert reached == ["cleaned up"]
    assert not isinstance(raised.value, AirflowFailException)
    assert task.stopping()
    assert store.trials.get(trial_id).status == "running"


def test_told_to_end_after_its_stage_nothing_is_raised(store: Store) -> None:
    task = operator(lambda trial_id, engine: "done")

    assert task.execute(context()) == "done"
    task.on_kill()
