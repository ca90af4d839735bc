"""How long a full preflight takes: files, DAG imports, and every probe of this machine, a hung one among them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from dean_airflow.deployment.validator import DeploymentValidator
from tests.deployments.build import build

BASE = "airflow_celery"


def run(minutes: float | None) -> list[Figure]:
    """preflight: seconds of a whole validation with probes, the median of several."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        validator = DeploymentValidator(build(Path(name) / BASE, BASE), shell={})
        seconds = []
        for _ in range(1 if minutes else 5):
            begun = time.perf_counter()
            result = validator.validate()
            seconds.append(time.perf_counter() - begun)
    skipped = {each.name for each in result.not_checked}
    if "dag_imports" in skipped:
        raise AssertionError("The DAGs were not imported, so this was no full preflight.")
    detail = {
        "slowest": round(max(seconds), 2),
        "not_checked": [f"{each.id} {each.name}: {each.message}" for each in result.not_checked],
        "found": [finding.id for finding in result.findings],
    }
    return [Figure("preflight", round(median(seconds), 2), "s", "lower", 10.0, detail)]
