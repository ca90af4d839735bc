"""What came of a deployment, as text and JSON: the same whether it succeeded or was rolled back."""

from __future__ import annotations

from typing import Any

from dean_airflow.deployment.rollout.work import Work
from dean_airflow.store.deployments import DeploymentRecord
from dean_airflow.store.store import Store

_MESSAGES = {
    "succeeded": "Deployment completed",
    "rolled_back": "Rolled back: what ran before runs again",
    "failed": "Deployment failed",
}


def write_report(work: Work) -> dict[str, Any]:
    """The report, kept with the deployment. Raises DeploymentLockLost, StoreError."""
    report = report_of(work.means.store, work.means.store.deployments.get(work.record.id))
    work.record = work.means.store.deployments.update(work.lock, work.record.id, report=report)
    return report


def report_of(store: Store, record: DeploymentRecord) -> dict[str, Any]:
    """The report from what the store has."""
    steps = store.deployment_steps.of_attempt(record.id, record.attempt)
    failed = [line for line in steps if line.state == "failed"]
    message = _MESSAGES.get(record.status, f"The deployment is {record.status}")
    if record.kind == "rollback" and record.status == "succeeded":
        message = "Rollback completed"
    services = [
        {
            "service": each.service,
            "state": each.state,
            "release": each.release,
            "previous_release": each.previous_release,
            "health": each.health,
            "error": each.error,
        }
        for each in store.deployments.services(record.id)
    ]
    return {
        "deployment_id": record.id,
        "kind": record.kind,
        "success": record.status == "succeeded",
        "status": record.status,
        "message": f"{message}{f': {record.error}' if record.error else '.'}",
        "name": record.name,
        "directory": record.directory,
        "environment": record.environment,
        "strategy": record.strategy,
        "backend": record.backend,
        "dry_run": False,
        "attempt": record.attempt,
        "backup": record.backup,
        "overall_status": _overall(services),
        "services": services,
        "errors": [f"{line.service or 'deployment'}: {line.action}: {line.data.get('error', '')}" for line in failed],
        "left": record.request.get("plan", {}).get("left", []),
    }


def _overall(services: list[dict[str, Any]]) -> str:
    words = [(each["health"] or {}).get("status", "unknown") for each in services if each["state"] == "deployed"]
    if not words:
        return "unknown"
    return "healthy" if all(word == "healthy" for word in words) else "degraded"


def report_text(report: dict[str, Any]) -> str:
    """For a terminal and a log."""
    if report["dry_run"]:
        return "\n".join([report["message"], *(f"  {line}" for line in report["plan"]["steps"])])
    lines = [f"{report['deployment_id']}  {report['name']}  {report['environment']} environment  {report['status']}"]
    for each in report["services"]:
        way = f"{each['previous_release'] or 'nothing'} → {each['release'] or 'nothing'}"
        lines.append(f"  {each['service']:20} {each['state']:16} {way}")
        if each["error"]:
            lines.append(f"    {each['error']}")
    lines += [f"  {name:20} left running; the deployment does not describe it any more" for name in report["left"]]
    lines += [f"  backup {report['backup']}"] if report["backup"] else []
    lines += [f"  error  {error}" for error in report["errors"]]
    return "\n".join([*lines, report["message"]])
