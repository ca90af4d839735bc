"""How long the checks of files take over a deployment of 50 services."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks._deployments import large
from benchmarks.figure import Figure
from dean_airflow.deployment.validator import DeploymentValidator

SERVICES = 50


def run(minutes: float | None) -> list[Figure]:
    """static_checks: seconds, the median of several validations, each reading everything anew."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        root = large(Path(name) / "large", SERVICES)
        validator = DeploymentValidator(root, with_probes=False, shell={})
        result = validator.validate()
        if result.findings:
            raise AssertionError(f"the deployment should be valid: {result.findings[0]}")
        seconds = []
        for _ in range(3 if minutes else 15):
            begun = time.perf_counter()
            validator.validate()
            seconds.append(time.perf_counter() - begun)
    detail = {"services": SERVICES, "slowest": round(max(seconds), 3), "checks": len(result.checks)}
    return [Figure("static_checks", round(median(seconds), 3), "s", "lower", 1.0, detail)]
