"""How much more two islands judge than one, as mapped tasks under LocalExecutor on a machine of at least two cores.

Each island judges as many candidates as the single one does, all of them new and equal in cost; a rate is what was
judged over the time from the first island's start to the last one's end, as Airflow saw them.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks._airflow import PrivateAirflow, metadata_database
from benchmarks._neutral import NAME, NeutralSource, neutral_target
from benchmarks._trials import write_target
from benchmarks.figure import Figure
from dean_airflow.config import Settings
from dean_airflow.evolution.edits.sources import ENTRY_POINTS
from dean_airflow.store.store import Store

EVALUATIONS = 2500
"""Of each island: enough that starting a task does not matter."""
ROUNDS = ((1, 1), (2, 2), (3, 1))
"""Trials and their islands: the single island before and after the two, since machines change."""
PATIENCE = 900.0


def run(minutes: float | None) -> list[Figure]:
    """island_scaling: rate of two islands / rate of one."""
    each = EVALUATIONS if minutes is None else max(60, int(EVALUATIONS * minutes / 10))
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name, metadata_database() as database:
        room = Path(name)
        target = write_target(room / "target", neutral_target())
        airflow = PrivateAirflow(room / "airflow", database, PYTHONPATH=_path_with_source(room / "site"))
        with airflow.started():
            before, two, after = (_judged(airflow, target, number, islands, each) for number, islands in ROUNDS)
    one = (before["rate"] + after["rate"]) / 2
    detail = {
        "one": [before, after],
        "two": two,
        "cores": len(os.sched_getaffinity(0)),
        "metadata": "PostgreSQL" if database else "SQLite",
    }
    return [Figure("island_scaling", round(two["rate"] / one, 2), "ratio", "higher", 1.7, detail)]


def _judged(airflow: PrivateAirflow, target: Path, number: int, islands: int, each: int) -> dict[str, Any]:
    """evaluations, seconds and their rate of one trial."""
    trial_id = f"trial-islands-{number}"
    conf = {
        "trial_id": trial_id,
        "repository": str(target),
        "install": [],
        "edit_sources": [NAME],
        "islands": islands,
        "max_evaluations": each * islands,
        "seed": number,
        "generations": 100,
        "population_size": 100,
        "max_runtime_minutes": 120,
        "publish": "none",
    }
    tasks = [task for task in airflow.trial(conf, PATIENCE) if task["task_id"] == "evolve_island"]
    first = min(datetime.fromisoformat(task["start_date"]) for task in tasks)
    last = max(datetime.fromisoformat(task["end_date"]) for task in tasks)
    with Store.open(Settings(data_dir=airflow.data_dir).store) as store:
        count = store.evaluations.count(trial_id)
    seconds = (last - first).total_seconds()
    return {"evaluations": count, "seconds": round(seconds, 1), "rate": round(count / seconds, 2)}


def _path_with_source(site: Path) -> str:
    """An import path on which the neutral edits are an installed source, as another distribution's would be."""
    information = site / "dean_bench-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: dean-bench\nVersion: 1\n")
    entry = f"{NAME} = {NeutralSource.__module__}:{NeutralSource.__name__}"
    (information / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{entry}\n")
    return os.pathsep.join([str(Path(__file__).parents[1]), str(site)])
