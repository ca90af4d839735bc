"""What trials of 10 minutes with default settings make of three libraries from the package index, as they are."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks._libraries import LIBRARIES, Library
from benchmarks._trials import private_engine
from benchmarks.figure import Figure
from dean_airflow.errors import DeanError
from dean_airflow.evolution.coordinator import EmbeddedEngine
from dean_airflow.evolution.engine import Engine
from dean_airflow.evolution.trial_config import TrialConfig


def run(minutes: float | None) -> list[Figure]:
    """real_libraries_geomean (confirmed speed-up; 1 where nothing was confirmed), and one figure a library.

    Two trials at a time, each on a core of its own, as two tasks of a worker would be.
    """
    each = {} if minutes is None else {"max_runtime_minutes": minutes / len(LIBRARIES)}
    at_once = min(2, len(os.sched_getaffinity(0)))
    with (
        tempfile.TemporaryDirectory(prefix="dean-bench-") as name,
        multiprocessing.get_context("fork").Pool(at_once) as pool,
    ):
        tasks = [(library, library.unpack(Path(name)), each, Path(name)) for library in LIBRARIES]
        figures = pool.starmap(_figure, tasks, chunksize=1)
    detail = {figure.detail["library"]: [figure.value, figure.detail.get("interval")] for figure in figures}
    mean = geometric_mean(figure.value for figure in figures)
    return [Figure("real_libraries_geomean", round(mean, 4), "speed-up", "higher", 1.20, detail), *figures]


def _figure(library: Library, folder: Path, params: dict[str, Any], room: Path) -> Figure:
    with private_engine(room, f"engine-{library.name}") as engine:
        return _trial(library, folder, params, engine)


def _trial(library: Library, folder: Path, params: dict[str, Any], engine: Engine) -> Figure:
    trial_id = f"trial-real-{library.name}"
    config = TrialConfig.build({**library.trial_params(folder), **params})
    name = f"real_libraries_{library.name}"
    detail: dict[str, Any] = {
        "library": library.requirement,
        "params": config.model_dump(exclude_defaults=True, exclude={"repository"}),
    }
    try:
        result = EmbeddedEngine(engine).run(trial_id, config, lambda generation: None)
    except DeanError as error:
        return Figure(name, 1.0, "speed-up", "higher", None, {**detail, "error": str(error)})
    detail |= {key: result[key] for key in ("outcome", "stop_reason", "evaluations", "candidates_per_second")}
    if result["outcome"] == "improved":
        published = engine.store.documents.get(trial_id, "published") or {"edits": []}
        detail |= {
            "interval": result["speedup_interval"],
            "suite_green": True,  # or the trial would not have called it improved
            "edits": [
                {"edit": edit["text"], "speedup": edit["effect"], "interval": edit["effect_interval"]}
                for edit in published["edits"]
            ],
        }
    return Figure(name, result["speedup"] or 1.0, "speed-up", "higher", None, detail)
