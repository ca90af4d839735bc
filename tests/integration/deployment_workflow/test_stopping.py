"""A deployment under a real scheduler: its task is killed, its run is stopped from the API, then cleared."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dean_airflow.config import load_settings
from tests.integration.evolution_workflow.airflow_stack import BUNDLE, AirflowStack

from ...deployments.shop import Shop

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

RUNS = "/api/v2/dags/dean_deployment/dagRuns"


@pytest.fixture
def stack(airflow_home: Path) -> Iterator[AirflowStack]:
    with tempfile.TemporaryDirectory(prefix="dean-air-") as folder:
        stack = AirflowStack(Path(folder), airflow_home, AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE)
        with stack.running("api-server", "scheduler", "dag-processor"):
            yield stack


def finished(stack: AirflowStack, run_id: str, *states: str) -> dict[str, Any] | None:
    run = stack.request("GET", f"{RUNS}/{run_id}").json()
    return run if run["state"] in (states or ("success", "failed")) else None


def test_a_stopped_deployment_is_taken_back_and_goes_on_when_cleared(stack: AirflowStack, shop: Shop) -> None:
    shop.services = ("web",)
    shop.settings = load_settings({"AIRFLOW_HOME": str(stack.home)})
    shop.describe("one")
    assert shop.deploy()["success"]
    before = shop.state()
    stack.wait_for_dag("dean_deployment")

    shop.describe("two", broken={"web": "health"}, within=100)
    body = {"logical_date": None, "conf": {"deployment": str(shop.directory), "probes": False}}
    run_id = stack.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"]

    def verifying(times: int) -> bool:
        with shop.store() as store:
            ours = [each.id for each in store.deployments.list() if each.run_id == run_id]
            lines = [(line.action, line.state) for each in ours for line in store.deployment_steps.since(each)]
        return lines.count(("verify", "intent")) >= times

    # The worker's process is killed where it stands: its retry goes on, and verifies once more.
    stack.wait_for("the new release to be verified", lambda: verifying(1), seconds=120)
    killed = task_processes(shop)
    assert killed
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    stack.wait_for("the retry to go on", lambda: verifying(2), seconds=180)

    stack.request("PATCH", f"{RUNS}/{run_id}", json={"state": "failed"}).raise_for_status()
    stack.wait_for("everything to be taken back", lambda: shop.state() == before, seconds=120)
    assert stack.wait_for("the run's end", lambda: finished(stack, run_id))["state"] == "failed"
    with shop.store() as store:
        assert store.deployments.list()[0].status == "rolled_back"

    shop.describe("two")
    stack.request("POST", f"{RUNS}/{run_id}/clear", json={"dry_run": False}).raise_for_status()
    stack.wait_for("the cleared run to succeed", lambda: finished(stack, run_id, "success"), seconds=180)
    assert shop.answers() == {"web": "two"}
    with shop.store() as store:
        newest = store.deployments.list()[0]
        assert (newest.status, newest.attempt, newest.run_id) == ("succeeded", 2, run_id)


def task_processes(shop: Shop) -> list[psutil.Process]:
    """Processes that hold the file lock of the site: the one that works at the deployment."""
    lock = str(shop.site.sockets / f"{shop.site.id}.lock")
    found = []
    for process in psutil.process_iter():
        try:
            if any(file.path == lock for file in process.open_files()):
                found.append(process)
        except psutil.Error:
            continue
    return found
