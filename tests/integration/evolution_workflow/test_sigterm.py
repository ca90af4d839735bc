"""A real SIGTERM: to a trial of the command line, and to the task process of an island under a scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
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
LONG = {"max_evaluations": 400, "max_runtime_minutes": 10, "generations": 100, "islands": 1, "seed": 3}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def stack(new_stack: Callable[..., AirflowStack], scratch: Path) -> AirflowStack:
    return new_stack(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE, AIRFLOW__DEAN__SCRATCH_DIR=str(scratch))


@pytest.fixture
def store(stack: AirflowStack) -> Iterator[Store]:
    (stack.home / "dean").mkdir(exist_ok=True)
    with Store.open(Settings(data_dir=stack.home / "dean").store) as store:
        yield store


def test_a_trial_of_the_command_line_ends_with_everything_it_started(
    stack: AirflowStack, store: Store, scratch: Path, tmp_path: Path
) -> None:
    repository = example_repository("shop_report", tmp_path)
    params = [f"--param={name}={value}" for name, value in LONG.items()]
    with (stack.home / "start.log").open("wb") as log:
        started = subprocess.Popen(
            [stack.python, "-m", "airflow", "dean", "evolution", "start", str(repository), *params],
            env=stack.environment,
            cwd=stack.home,
            stdout=log,
            stderr=log,
        )
    try:
        stack.wait_for("evaluations", lambda: [one for one in store.trials.list() if store.evaluations.count(one.id)])
        assert set(processes_in(scratch)) - {started.pid} != set()
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 128 + signal.SIGTERM, stack.logs()
    finally:
        started.kill()
        started.wait()

    assert "Ended by SIGTERM." in (stack.home / "start.log").read_text().splitlines()
    assert "Traceback" not in (stack.home / "start.log").read_text()
    stack.wait_for("the trial's processes to be gone", lambda: not processes_in(scratch), seconds=10)
    assert [path for path in scratch.iterdir() if path.is_dir()] == []
    (trial,) = store.trials.list()
    assert (trial.status, trial.stop_reason) == ("cancelled", "cancelled")
    assert store.leases.active(trial.id) == []
    assert git(repository, "branch", "--list", "dean/*") == ""


def test_an_islands_task_ends_with_everything_it_started_and_is_retried(
    stack: AirflowStack, store: Store, scratch: Path, tmp_path: Path
) -> None:
    repository = example_repository("shop_report", tmp_path)
    with stack.running("api-server", "scheduler", "dag-processor"):
        stack.wait_for_dag("dean_evolution_trial")
        conf = {"repository": str(repository), **LONG, "max_evaluations": 150}
        run = stack.request("POST", RUNS, json={"logical_date": None, "conf": conf}).raise_for_status().json()
        trial_id = store.trial_id_of_run("dean_evolution_trial", run["dag_run_id"])

        stack.wait_for("the island's first evaluations", lambda: store.evaluations.count(trial_id))
        task = island(stack, run["dag_run_id"])
        judging = processes_in(scratch)
        assert judging != []
        os.kill(task["pid"], signal.SIGTERM)

        stack.wait_for("its processes to be gone", lambda: not any(_alive(pid) for pid in (task["pid"], *judging)))
        again = stack.wait_for("the retry", lambda: _running(island(stack, run["dag_run_id"]), task["try_number"] + 1))
        assert again["pid"] != task["pid"]
        stack.wait_for("the run to succeed", lambda: succeeded(stack, run["dag_run_id"]), seconds=400)
        assert store.trials.get(trial_id).status == "completed"
        assert store.evaluations.count(trial_id) <= 150
    assert processes_in(scratch) == []
    assert [path for path in scratch.iterdir() if path.is_dir()] == []


def island(stack: AirflowStack, run_id: str) -> dict[str, Any]:
    tasks = stack.request("GET", f"{RUNS}/{run_id}/taskInstances/evolve_island/listMapped").json()["task_instances"]
    return dict(tasks[0]) if tasks else {}


def succeeded(stack: AirflowStack, run_id: str) -> bool:
    state = stack.request("GET", f"{RUNS}/{run_id}").json()["state"]
    assert state != "failed", stack.logs()
    return bool(state == "success")


def _running(task: dict[str, Any], try_number: int) -> dict[str, Any] | None:
    begun = task.get("state") in ("running", "success")
    return task if begun and task["try_number"] >= try_number else None


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
