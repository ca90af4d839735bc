"""Deployments and the validator's reports over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dean_airflow.store.store import Store
from tests.unit.plugin.conftest import Plugin

pytestmark = pytest.mark.airflow

DEPLOYMENTS = "/api/v1/deployments"
FINDING = {
    "id": "M01", "severity": "error", "file": "compose.yaml", "line": 3, "what": "<b>Port</b> 80 is used twice.",
    "why": "The second does not start.", "fix": "Choose another.", "also": [{"file": "compose.yaml", "line": 9}],
}  # fmt: skip
REPORT = {
    "directory": "/srv/shop", "environment": "production", "valid": False, "summary": "1 error.",
    "findings": [FINDING], "ignored": [], "not_checked": [{"name": "x", "id": "M02", "reason": "no docker"}],
}  # fmt: skip


def deploy(plugin: Plugin, number: int = 1, *, dag: str | None = None, name: str = "shop") -> str:
    deployment_id = f"deployment-0000000{number}"
    plugin.store.deployments.create(
        deployment_id, place=f"place-{number}", host="here", directory="/srv/shop", name=name,
        environment="production", requested_by="ada", dag_id=dag,
    )  # fmt: skip
    return deployment_id


def succeeded(store: Store) -> str:
    """A deployment that went well, and has a backup."""
    deployment_id = "deployment-00000009"
    store.deployments.create(
        deployment_id, place="place-9", host="here", directory="/srv/shop", name="shop", environment="production"
    )
    lock = store.deployment_locks.acquire("place-9", deployment_id, timedelta(minutes=1))
    for status in ("validating", "deploying", "verifying"):
        store.deployments.transition(lock, deployment_id, status)
    store.deployments.transition(lock, deployment_id, "succeeded", backup="backup-1")
    return deployment_id


def test_deployments_are_listed_newest_first(plugin: Plugin) -> None:
    deploy(plugin, 1)
    deploy(plugin, 2, name="<script>alert(1)</script>")
    deploy(plugin, 3, dag="team_secret")

    page = plugin.get(DEPLOYMENTS, user="deployments-only").json()

    assert [row["deployment_id"][-1] for row in page["deployments"]] == ["2", "1"]
    assert (page["total"], page["deployments"][0]["name"]) == (2, "<script>alert(1)</script>")
    assert plugin.get(DEPLOYMENTS).json()["total"] == 3
    assert plugin.get(DEPLOYMENTS, status="failed").json()["total"] == 0
    assert plugin.get(DEPLOYMENTS, directory="/srv/shop", limit=1).json()["total"] == 3
    assert plugin.get(DEPLOYMENTS, user="outsider").status_code == 403
    assert plugin.get(f"{DEPLOYMENTS}/deployment-00000003", user="deployments-only").status_code == 404
    assert len(plugin.get("/api/v1/overview").json()["deployments"]) == 2


def test_one_deployment_with_its_journal_and_findings(plugin: Plugin) -> None:
    deployment_id = deploy(plugin)
    store = plugin.store
    store.validations.save(REPORT, deployment_id=deployment_id)
    lock = store.deployment_locks.acquire("place-1", deployment_id, timedelta(minutes=1))
    for action in ("validate", "back_up"):
        store.deployment_steps.append(lock, deployment_id, action, "done", data={"seconds": 1})

    found = plugin.get(f"{DEPLOYMENTS}/{deployment_id}").json()

    assert [(step["sequence"], step["action"]) for step in found["steps"]] == [(1, "validate"), (2, "back_up")]
    assert (found["newest"], found["may"]) == (2, {"roll_back": False})
    assert (found["validation"]["findings"], found["validation"]["valid"]) == ([FINDING], False)
    later = plugin.get(f"{DEPLOYMENTS}/{deployment_id}/steps", after=1).json()
    assert ([step["sequence"] for step in later["steps"]], later["newest"]) == ([2], 2)
    assert plugin.get(f"{DEPLOYMENTS}/{deployment_id}/steps", after=2).json() == {"steps": [], "newest": 2}


def test_only_what_succeeded_can_be_taken_back(plugin: Plugin) -> None:
    path = f"{DEPLOYMENTS}/{deploy(plugin)}/rollback"

    refused = plugin.ask("POST", path)

    assert (refused.status_code, "it is pending" in refused.json()["detail"]) == (400, True)
    assert plugin.ask("POST", path, user="viewer").status_code == 403
    assert plugin.ask("POST", f"{DEPLOYMENTS}/deployment-x/rollback").status_code == 404


def test_validations(plugin: Plugin) -> None:
    kept = plugin.store.validations.save(REPORT)

    page = plugin.get("/api/v1/validations", user="viewer").json()
    assert [(row["id"], row["errors"]) for row in page["validations"]] == [(kept.id, 1)]
    assert plugin.get("/api/v1/validations", valid=True).json()["total"] == 0
    one = plugin.get(f"/api/v1/validations/{kept.id}").json()
    assert (one["findings"], one["not_checked"][0]["reason"]) == ([FINDING], "no docker")
    assert plugin.get("/api/v1/validations/validation-x").status_code == 404
    assert plugin.get("/api/v1/validations", user="outsider").status_code == 403


def test_what_can_be_taken_back_says_so(plugin: Plugin) -> None:
    deployment_id = succeeded(plugin.store)

    may = {user: plugin.get(f"{DEPLOYMENTS}/{deployment_id}", user=user).json()["may"] for user in ("op", "viewer")}

    assert may == {"op": {"roll_back": True}, "viewer": {"roll_back": False}}
