"""kill -9 of the process that runs a remote trial, while each of its calls is under way; then it is run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.store.store import Store
from dean_airflow.testing.scenario import standard
from dean_airflow.testing.services import StubServices
from tests.resilience.services.coordinating import order
from tests.resilience.services.remote import TRIAL, Trials

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0

CALLS = {
    "health": ("indexagent", "GET", "/health"),
    "population": ("indexagent", "POST", "/evolution/population"),
    "start": ("evolution", "POST", "/evolution/start"),
    "dag": ("airflow", "POST", "/api/v2/dags/dean_evolution_trial/dagRuns"),
    "look": ("evolution", "GET", "/evolution/*/status"),
    "results": ("evolution", "GET", "/evolution/results"),
    "patterns": ("indexagent", "GET", "/patterns"),
}
"""By name: the call whose answer is held back while the process is killed; the service has done what it asks for."""


def wait_for(what: str, condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited for {what} in vain"
        time.sleep(0.01)


def start(stubs: StubServices, store: Store, **options: Any) -> subprocess.Popen[str]:
    told = order(stubs, store.database.url.render_as_string(hide_password=False), **options)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.resilience.services.coordinating", told],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def result_of(process: subprocess.Popen[str]) -> tuple[dict[str, Any], list[int]]:
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    return lines[-1], [line["generation"] for line in lines[:-1]]


@pytest.mark.parametrize(
    "name", [name if name == "start" else pytest.param(name, marks=pytest.mark.slow) for name in CALLS]
)
def test_killed_during_a_call_and_run_again(
    stub_services: StubServices, dean_store: Store, trials: Trials, name: str
) -> None:
    service, method, path = CALLS[name]
    stub = getattr(stub_services, service)
    stub_services.evolution.script(standard(4, pace=0.05))
    stub.faults.add("latency", method=method, path=path, seconds=60, count=1)
    process = start(stub_services, dean_store)
    wait_for(name, lambda: any(request.method == method and fits(request.path, path) for request in stub.requests))
    deeds = {"population": stub_services.indexagent.populations, "start": stub_services.evolution.trials}
    wait_for(f"{name} to be done", lambda: deeds.get(name, True) if name != "dag" else trials.dag_runs)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stub.faults.clear()

    result, told = result_of(start(stub_services, dean_store))

    assert result["status"] == "completed"
    assert trials.started == ["completed"]
    assert len(stub_services.indexagent.populations) == 1
    assert len(trials.dag_runs) == 1
    assert dean_store.trials.get(TRIAL).result == result
    assert dean_store.sagas.latest(TRIAL).attempt == 1
    kept = [event.data["number"] for event in dean_store.events.since(TRIAL) if event.kind == "generation"]
    assert kept == [1, 2, 3, 4]
    assert told == sorted(set(told))


def fits(path: str, pattern: str) -> bool:
    head, star, tail = pattern.partition("*")
    return path == pattern if not star else path.startswith(head) and path.endswith(tail)
