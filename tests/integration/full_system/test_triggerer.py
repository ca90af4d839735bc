"""`dean_remote_trial` under a real scheduler and triggerer: deferred, stopped, cleared; and the triggerer killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import Scenario
from dean_airflow.testing.services import StubServices
from tests.integration.evolution_workflow.airflow_stack import BUNDLE, AirflowStack

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

RUNS = "/api/v2/dags/dean_remote_trial/dagRuns"
PARAMS = {"repository": "https://example.org/shop.git", "generations": 9, "poll_seconds": 0.5}
BY_HAND = Scenario(steps=("start", "generation", "generation", "generation", "complete"), pace=None)
WATCHING = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetWatcher

from dean_airflow.triggers.trial_finished import RemoteTrialFinishedTrigger

trigger = RemoteTrialFinishedTrigger(poll_seconds=0.5)
finished = Asset("remote_trials", watchers=[AssetWatcher(name="dean", trigger=trigger)])

with DAG("after_a_remote_trial", schedule=[finished], catchup=False):
    EmptyOperator(task_id="look_at_it")
"""


class Triggerer:
    """Airflow's triggerer, which a test may kill."""

    def __init__(self, stack: AirflowStack) -> None:
        self.stack = stack
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.stack.home / "triggerer.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.stack.python, "-m", "airflow", "triggerer"], env=self.stack.environment, cwd=self.stack.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def triggerer(
    airflow_home: Path, tmp_path_factory: pytest.TempPathFactory, dean_stub_servers: StubServices
) -> Iterator[Triggerer]:
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "watching.py").write_text(WATCHING)
    files = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = [*json.loads(BUNDLE), {"name": "files", "classpath": files, "kwargs": {"path": str(home / "dags")}}]
    connections = {
        f"AIRFLOW_CONN_DEAN_{stub.name.upper()}": json.dumps(
            {"conn_type": f"dean_{stub.name}", "host": stub.url, "password": stub.api_key}
        )
        for stub in (dean_stub_servers.evolution, dean_stub_servers.indexagent)
    }
    stack = AirflowStack(
        home,
        airflow_home,
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(bundles),
        AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC="1",
        AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD="5",
        **connections,
    )
    (home / "dean").mkdir()
    triggerer = Triggerer(stack)
    with stack.running("api-server", "scheduler", "dag-processor"):
        triggerer.start()
        try:
            stack.wait_for_dag("dean_remote_trial")
            stack.wait_for_dag("after_a_remote_trial")
            yield triggerer
        finally:
            triggerer.kill()


@pytest.fixture
def stack(triggerer: Triggerer) -> AirflowStack:
    return triggerer.stack


@pytest.fixture
def store(stack: AirflowStack) -> Iterator[Store]:
    with Store.open(Settings(data_dir=stack.home / "dean").store) as store:
        yield store


def begin(stack: AirflowStack, stubs: StubServices) -> str:
    """A run whose trial has done its first generation, and whose task is deferred."""
    stubs.evolution.script(BY_HAND, BY_HAND)
    body = {"logical_date": None, "conf": PARAMS}
    run_id = str(stack.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"])
    stack.wait_for("the trial's start", lambda: stubs.evolution.trials)
    stubs.evolution.advance(steps=2)
    stack.wait_for("the task to be deferred", lambda: task(stack, run_id)["state"] == "deferred")
    return run_id


def task(stack: AirflowStack, run_id: str, task_id: str = "remote_trial") -> dict[str, Any]:
    return dict(stack.request("GET", f"{RUNS}/{run_id}/taskInstances/{task_id}").json())


def log_of(stack: AirflowStack, run_id: str, attempt: int = 1) -> str:
    return stack.request("GET", f"{RUNS}/{run_id}/taskInstances/remote_trial/logs/{attempt}").text


def ended(stack: AirflowStack, run_id: str) -> str | None:
    state = stack.request("GET", f"{RUNS}/{run_id}").json()["state"]
    return state if state in ("success", "failed") else None


def statuses(stubs: StubServices) -> list[str]:
    return [trial.status for trial in stubs.evolution.trials.values()]


def test_it_waits_deferred_with_its_progress_in_the_log_and_wakes_other_dags(
    stack: AirflowStack, store: Store, stub_services: StubServices
) -> None:
    run_id = begin(stack, stub_services)
    stack.wait_for("the first generation in the log", lambda: "Generation 1: best fitness" in log_of(stack, run_id))
    assert task(stack, run_id)["state"] == "deferred"
    stub_services.evolution.advance(steps=3)

    assert stack.wait_for("the run's end", lambda: ended(stack, run_id)) == "success"
    trial = store.trials.get(store.trial_id_of_run("dean_remote_trial", run_id))
    assert (trial.status, trial.current_generation) == ("completed", 3)
    (remote,) = stub_services.evolution.trials
    runs = "/api/v2/dags/after_a_remote_trial/dagRuns"
    stack.wait_for("the DAG behind the asset", lambda: stack.request("GET", runs).json()["total_entries"])
    events = stack.request("GET", "/api/v2/assets/events").json()["asset_events"]
    assert remote in [event["extra"].get("payload", event["extra"]).get("trial_id") for event in events]


def test_marked_as_failed_its_trial_is_cancelled_there(
    stack: AirflowStack, store: Store, stub_services: StubServices
) -> None:
    run_id = begin(stack, stub_services)
    stack.request("PATCH", f"{RUNS}/{run_id}", json={"state": "failed"}).raise_for_status()

    stack.wait_for("the remote trial to be cancelled", lambda: statuses(stub_services) == ["cancelled"])
    stack.wait_for("close_trial", lambda: task(stack, run_id, "close_trial").get("state") == "failed")
    assert stack.wait_for("the run's end", lambda: ended(stack, run_id)) == "failed"
    trial = store.trials.get(store.trial_id_of_run("dean_remote_trial", run_id))
    assert (trial.status, trial.stop_reason) == ("cancelled", "cancelled")
    assert stub_services.indexagent.agents == {}

    clear = {"dry_run": False, "only_failed": False}
    stack.request("POST", f"{RUNS}/{run_id}/clear", json=clear).raise_for_status()
    stack.wait_for("another trial there", lambda: len(stub_services.evolution.trials) == 2)
    stub_services.evolution.advance(list(stub_services.evolution.trials)[1], steps=5)
    assert stack.wait_for("the cleared run to end", lambda: ended(stack, run_id)) == "success"
    assert statuses(stub_services) == ["cancelled", "completed"]
    assert store.trials.get(trial.id).attempt == 2


def test_cleared_while_it_waits_it_attaches_to_the_same_trial(
    stack: AirflowStack, store: Store, stub_services: StubServices
) -> None:
    run_id = begin(stack, stub_services)
    clear = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": ["remote_trial"]}
    stack.request("POST", "/api/v2/dags/dean_remote_trial/clearTaskInstances", json=clear).raise_for_status()
    stack.wait_for(
        "the next attempt to be deferred",
        lambda: (found := task(stack, run_id))["state"] == "deferred" and found["try_number"] == 2,
    )
    assert statuses(stub_services) == ["running"]
    stub_services.evolution.advance(steps=3)

    assert stack.wait_for("the run's end", lambda: ended(stack, run_id)) == "success"
    assert statuses(stub_services) == ["completed"]
    assert len(stub_services.evolution.requests.of("POST", "/evolution/start")) == 1


def test_a_triggerer_that_is_killed_leaves_the_trial_to_the_next(
    triggerer: Triggerer, store: Store, stub_services: StubServices
) -> None:
    stack = triggerer.stack
    run_id = begin(stack, stub_services)
    trial_id = store.trial_id_of_run("dean_remote_trial", run_id)
    stack.wait_for("the first generation", lambda: store.trials.get(trial_id).current_generation)
    triggerer.kill()
    stub_services.evolution.advance(steps=3)
    assert statuses(stub_services) == ["completed"]
    triggerer.start()

    assert stack.wait_for("the run's end", lambda: ended(stack, run_id)) == "success"
    told = [event.data["number"] for event in store.events.since(trial_id) if event.kind == "generation"]
    assert told == [1, 2, 3]
    assert len(stub_services.evolution.trials) == 1


def test_what_a_user_starts_reaches_the_service_with_deans_own_credential(
    stack: AirflowStack, store: Store, stub_services: StubServices
) -> None:
    """User → Airflow and DEAN's plugin in it → service: each hop has its own credential, and none goes further."""
    evolution, shown = stub_services.evolution, "/dean/services/evolution/evolution/trials"
    run_id = begin(stack, stub_services)
    evolution.advance(steps=3)
    assert stack.wait_for("the run's end", lambda: ended(stack, run_id)) == "success"

    asked = [request for stub in (evolution, stub_services.indexagent) for request in stub.requests]
    theirs = stack.token()
    assert all(theirs not in f"{request.headers} {request.query} {request.body!r}" for request in asked)
    assert all("cookie" not in request.headers for request in asked)
    keys = {evolution.api_key, stub_services.indexagent.api_key}
    assert all(request.headers["x-api-key"] in keys for request in asked if request.path != "/health")
    assert all(request.headers["x-request-id"] for request in asked)

    trial_id = store.trial_id_of_run("dean_remote_trial", run_id)
    assert trial_id in [trial["trial_id"] for trial in stack.request("GET", shown).json()["trials"]]
    assert stack.request("GET", shown, user="viewer").status_code == 200
    assert stack.request("GET", shown, user=None).status_code == 401
    assert stack.request("GET", shown, user="outsider").status_code == 403
