"""Airflow as the Evolution API's engine: starting a trial makes a run of its DAG, cancelling it fails the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow_stack import BUNDLE, AirflowStack

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

EVOLUTION = "/dean/services/evolution"
DAG = "dean_evolution_trial"


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., AirflowStack]) -> Iterator[AirflowStack]:
    """An api-server that knows DEAN's DAGs; nothing runs them."""
    stack = new_stack(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE)
    with stack.running("api-server", "dag-processor"):
        stack.wait_for_dag(DAG)
        yield stack


def test_health_knows_airflow(stack: AirflowStack) -> None:
    body = stack.request("GET", f"{EVOLUTION}/health").json()

    assert (body["status"], body["checks"]["airflow"]["status"]) == ("healthy", "healthy")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path


def test_start_makes_a_run_of_the_dag_and_cancel_fails_it(stack: AirflowStack, repository: Path) -> None:
    started = post(stack, "/evolution/start", {"repository": str(repository), "generations": 3})
    trial = started.json()
    run = stack.request("GET", f"/api/v2/dags/{DAG}/dagRuns/dean__{trial['trial_id']}__1").json()

    assert (started.status_code, trial["status"]) == (202, "initializing")
    assert run["state"] == "queued"
    assert (run["conf"]["trial_id"], run["conf"]["generations"]) == (trial["trial_id"], 3)
    assert run["triggering_user_name"] == "admin"

    cancelled = post(stack, f"/evolution/{trial['trial_id']}/cancel")
    tasks = stack.request("GET", f"/api/v2/dags/{DAG}/dagRuns/{run['dag_run_id']}/taskInstances").json()
    status = stack.request("GET", f"{EVOLUTION}/evolution/{trial['trial_id']}/status").json()

    assert (cancelled.status_code, status["status"]) == (200, "cancelled")
    # As after *Mark failed*: nothing more of it will run but its teardown, for which it waits for a scheduler.
    assert {task["task_id"]: task["state"] for task in tasks["task_instances"]}.pop("close_trial") is None
    assert {task["state"] for task in tasks["task_instances"] if task["task_id"] != "close_trial"} == {"skipped"}
    assert post(stack, f"/evolution/{trial['trial_id']}/cancel").status_code == 400


def test_the_same_key_makes_one_run(stack: AirflowStack, repository: Path) -> None:
    body = {"repository": str(repository), "generations": 3}
    first, again = (post(stack, "/evolution/start", body, {"Idempotency-Key": "once"}) for _ in range(2))
    other = post(stack, "/evolution/start", {**body, "generations": 4}, {"Idempotency-Key": "once"})

    assert first.json() == again.json()
    assert other.status_code == 409
    runs = stack.request("GET", f"/api/v2/dags/{DAG}/dagRuns").json()["dag_runs"]
    assert [run["conf"]["trial_id"] for run in runs].count(first.json()["trial_id"]) == 1


def test_what_airflow_refuses_is_refused(stack: AirflowStack, repository: Path) -> None:
    wrong = {"repository": str(repository), "parameters": {"objectives": {"runtime": 2.0}}}

    assert post(stack, "/evolution/start", wrong).status_code == 422
    assert post(stack, "/evolution/start", {"repository": str(repository / "absent")}).status_code == 400


def test_a_paused_dag_is_a_conflict(stack: AirflowStack, repository: Path) -> None:
    stack.request("PATCH", f"/api/v2/dags/{DAG}", json={"is_paused": True})
    try:
        answer = post(stack, "/evolution/start", {"repository": str(repository)})
    finally:
        stack.request("PATCH", f"/api/v2/dags/{DAG}", json={"is_paused": False})

    assert answer.status_code == 409
    assert "is paused" in answer.json()["detail"]


def post(stack: AirflowStack, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
    sent = {"Authorization": f"Bearer {stack.token('admin')}", **(headers or {})}
    return httpx.post(f"{stack.url}{EVOLUTION}{path}", json=body, headers=sent, timeout=30)
