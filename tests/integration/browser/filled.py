"""What the pages are shown with: trials of every state, patterns, series, an alert, deployments, findings."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.metrics.alerts.engine import evaluate
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.history import History
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store
from tests.unit.alerts_in_store import RULES
from tests.unit.plugin.some_trials import crown, evolve, make_trial

IMPROVED, RUNNING, FAILED = "trial-improved01", "trial-running001", "trial-failed0001"
HOSTILE = "https://git.example/<img src=x onerror=document.title='owned'>.git"
DEPLOYED, BROKEN = "deployment-00000001", "deployment-00000002"
MINUTES = 45


COMPOSE = """services:
  web:
    image: nginx:latest
    ports: ["8080:80"]
    depends_on: [missing]
  api:
    image: python:3.12
    ports: ["8080:8000"]
"""
"""With mistakes that the validator finds without asking the machine."""


def fill(store: Store, folder: Path) -> None:
    """Everything, once; `folder` is for the deployment that is not valid."""
    make_trial(store, IMPROVED)
    evolve(store, IMPROVED, generations=6, each=8)
    crown(store, IMPROVED)
    make_trial(store, RUNNING, repository="/srv/repositories/prices")
    evolve(store, RUNNING, generations=4)
    make_trial(store, FAILED, repository=HOSTILE)
    store.trials.transition(FAILED, "failed", stop_reason="error", error="The <b>repository</b> cannot be cloned.")
    _series(store)
    _alert(store)
    _deployments(store, folder)


def _series(store: Store) -> None:
    now, history = store.now(), History(store)
    samples = []
    for minute in range(MINUTES):
        time = to_ms(now - timedelta(minutes=MINUTES - minute - 1))
        for number, service in enumerate(("airflow", "evolution", "indexagent")):
            seconds = 0.02 * (number + 1) * (1.4 + math.sin(minute / 4 + number))
            samples.append(Sample(service, "dean_health_check_duration_seconds", seconds, time))
            samples.append(Sample(service, "dean_service_health", float(service != "evolution" or minute < 40), time))
    history.append(samples)


def _alert(store: Store) -> None:
    rules, history = parse_rules(RULES).rules, MemoryHistory()
    assert rules is not None
    history.append([Sample("evolution", "up", 0, to_ms(store.now()))])
    evaluate(store, rules, store.now(), reader=history)


def _deployments(store: Store, folder: Path) -> None:
    (folder / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
    for number, (deployment, states) in enumerate(
        ((DEPLOYED, ("validating", "deploying", "verifying", "succeeded")), (BROKEN, ("validating", "failed")))
    ):
        store.deployments.create(
            deployment, place=f"place-{number}", host="here", directory=str(folder), name="shop",
            environment="production", requested_by="ada",
        )  # fmt: skip
        lock = store.deployment_locks.acquire(f"place-{number}", deployment, timedelta(minutes=5))
        for state in states:
            kept = {"backup": "20260504T120000Z-000000-1"} if state == "deploying" else {}
            store.deployments.transition(lock, deployment, state, **kept)
            if state != "succeeded":
                store.deployment_steps.append(lock, deployment, state, "intent")
                store.deployment_steps.append(lock, deployment, state, "failed" if state == "failed" else "done")
        store.deployment_locks.release(lock)
    found = DeploymentValidator(folder, with_probes=False).validate()
    store.validations.save(found.as_json(), deployment_id=BROKEN)
