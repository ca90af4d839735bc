"""A trial under a real scheduler, stopped from the API as *Mark failed* does, then cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow_stack import BUNDLE, AirflowStack
from processes import processes_in
from repositories import example_repository, git

from dean_airflow.config import Settings
from dean_airflow.store.store import Store

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

RUNS = "/api/v2/dags/dean_evolution_trial/dagRuns"
PARAMS = {"max_evaluations": 400, "max_runtime_minutes": 5, "generations": 100, "islands": 2, "seed": 3}


@pytest.fixture
def stack(new_stack: Callable[..., AirflowStack], tmp_path: Path) -> Iterator[AirflowStack]:
    (tmp_path / "scratch").mkdir()
    stack = new_stack(
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE, AIRFLOW__DEAN__SCRATCH_DIR=str(tmp_path / "scratch")
    )
    with stack.running("api-server", "scheduler", "dag-processor"):
        yield stack


@pytest.fixture
def store(stack: AirflowStack) -> Iterator[Store]:
    (stack.home / "dean").mkdir(exist_ok=True)
    with Store.open(Settings(data_dir=stack.home / "dean").store) as store:
        yield store


def ended(stack: AirflowStack, run_id: str, task_id: str, tries: int = 1) -> dict[str, Any] | None:
    """The task instance once it has ended for the `tries`th time."""
    task = stack.request("GET", f"{RUNS}/{run_id}/taskInstances/{task_id}").json()
    done = task.get("state") in ("success", "failed", "skipped", "upstream_failed")
    return task if done and task["try_number"] >= tries else None


def test_a_stopped_trial_leaves_nothing_running_and_goes_on_when_cleared(
    stack: AirflowStack, store: Store, tmp_path: Path
) -> None:
    repository = example_repository("shop_report", tmp_path)
    stack.wait_for_dag("dean_evolution_trial")
    body = {"logical_date": None, "conf": {"repository": str(repository), **PARAMS}}
    run_id = stack.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"]
    trial_id = store.trial_id_of_run("dean_evolution_trial", run_id)

    stack.wait_for("both islands' first evaluations", lambda: all(store.evaluations.count(trial_id, i) for i in (0, 1)))
    assert processes_in(tmp_path / "scratch") != []
    stack.request("PATCH", f"{RUNS}/{run_id}", json={"state": "failed"}).raise_for_status()

    close = stack.wait_for("close_trial to end", lambda: ended(stack, run_id, "close_trial"))
    kept = store.evaluations.count(trial_id)
    assert close["state"] == "failed"
    run = stack.wait_for("the run's end", lambda: finished(stack, run_id))
    assert run["state"] == "failed"
    stack.wait_for("the trial's processes to be gone", lambda: not processes_in(tmp_path / "scratch"), seconds=10)
    assert [path for path in (tmp_path / "scratch").iterdir() if path.is_dir()] == []
    stopped = store.trials.get(trial_id)
    assert (stopped.status, stopped.outcome, stopped.stop_reason) == ("cancelled", None, "cancelled")
    assert store.evaluations.count(trial_id) == kept > 0
    assert git(repository, "branch", "--list", "dean/*") == ""

    before = [row.sequence for row in store.evaluations.for_island(trial_id, 0)]
    clear = {"dry_run": False, "only_failed": False}
    stack.request("POST", f"{RUNS}/{run_id}/clear", json=clear).raise_for_status()
    run = stack.wait_for("the cleared run to succeed", lambda: finished(stack, run_id, "success"), seconds=300)
    trial = store.trials.get(trial_id)
    assert (trial.status, trial.attempt) == ("completed", 2)
    assert [row.sequence for row in store.evaluations.for_island(trial_id, 0)][: len(before)] == before
    assert store.evaluations.count(trial_id) <= PARAMS["max_evaluations"]
    assert processes_in(tmp_path / "scratch") == []
    links = stack.request("GET", f"{RUNS}/{run_id}/taskInstances/publish/links").json()["extra_links"]
    assert links == {"Trial report": f"/dean/trials/{trial_id}/report"}
    report = stack.request("GET", links["Trial report"], user="viewer")
    assert (report.status_code, trial_id in report.text) == (200, True)


def finished(stack: AirflowStack, run_id: str, *states: str) -> dict[str, Any] | None:
    """The run once it is in one of the states, by default an end of either kind."""
    run = stack.request("GET", f"{RUNS}/{run_id}").json()
    return run if run["state"] in (states or ("success", "failed")) else None
