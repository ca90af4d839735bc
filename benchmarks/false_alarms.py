"""What is said about deployments that are valid: it must be nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks._deployments import large
from benchmarks.figure import Figure
from dean_airflow.deployment.validator import DeploymentValidator
from tests.deployments.build import build, names


def run(minutes: float | None) -> list[Figure]:
    """false_alarms: findings over all valid deployments of the tests and a large one."""
    alarms: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        roots = [build(Path(name) / base, base) for base in names()]
        roots.append(large(Path(name) / "large", 50))
        for root in roots:
            result = DeploymentValidator(root, with_probes=False, shell={}).validate()
            alarms += [f"{root.name}: {finding.id} {finding.place}" for finding in result.findings]
    return [Figure("false_alarms", len(alarms), "findings", "lower", 0, {"deployments": len(roots), "alarms": alarms})]
