"""What Airflow adds to a trial: the time of `airflow dags test` less the time that the stages themselves took."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks._airflow import REPOSITORY_ROOT, PrivateAirflow, metadata_database
from benchmarks.figure import Figure

FIXED_SECONDS = 20.0
SECONDS_A_TASK = 2.0
EXAMPLE = REPOSITORY_ROOT / "examples" / "shop_report"


def run(minutes: float | None) -> list[Figure]:
    """airflow_overhead, in seconds; its target depends on how many tasks the trial had."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name, metadata_database() as database:
        airflow = PrivateAirflow(Path(name) / "airflow", database)
        times = Path(name) / "stages"
        conf = {"repository": str(EXAMPLE), "max_runtime_minutes": min(minutes or 1.0, 1.0), "publish": "none"}
        started = time.perf_counter()
        airflow.run("-m", "benchmarks._timed_stages", str(times), json.dumps(conf))
        seconds = time.perf_counter() - started
        stages = [(stage, float(taken)) for stage, taken in map(str.split, times.read_text().splitlines())]
    share = seconds - sum(taken for _, taken in stages)
    detail = {
        "seconds": round(seconds, 1),
        "tasks": len(stages),
        "stages": {stage: round(taken, 2) for stage, taken in stages},
        "metadata": "PostgreSQL" if database else "SQLite",
    }
    target = FIXED_SECONDS + SECONDS_A_TASK * len(stages)
    return [Figure("airflow_overhead", round(share, 1), "s", "lower", target, detail)]
