"""Which kinds of the catalogue have a confirmed win on real code: one attempt a kind, by the judge's own confirmation.

The library is as the package index has it, the input calls its public API in a way that needs the function, and the
edit is made as a trial makes it, its conditions checked. Places and inputs were chosen beforehand by other, shorter
measurements; of those that count here, every one is in the result, and Holm's procedure divides α among all of them.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._catalogue_places import INPUTS, LIBRARIES, PLACES, Place
from benchmarks._workbench import Bench, workshop_on
from benchmarks.figure import Figure
from dean_airflow.config import load_settings
from dean_airflow.errors import BaselineError
from dean_airflow.evolution.edits.apply import apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.judge.confirm import Confirmation, confirmed, measure_afresh
from dean_airflow.evolution.judge.core import reserved_core
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.worker import Worker
from dean_airflow.evolution.target.find_files import detect_files, detect_source_roots
from dean_airflow.evolution.workplace import CONFIRMING_SECONDS

TARGET = 15


def run(minutes: float | None) -> list[Figure]:
    """catalogue_wins: kinds whose edit is confirmed; scaled up where `minutes` were not enough for all of them."""
    started = time.monotonic()
    attempts: list[tuple[Place, Confirmation]] = []
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name, reserved_core(load_settings().cache_dir) as core:
        rng = random.SystemRandom()
        for place in PLACES:
            attempts.append((place, attempt(place, Path(name), core, rng)))
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                break
    wins = confirmed([found for _, found in attempts])
    detail = {place.kind: _shown(place, found, won) for (place, found), won in zip(attempts, wins, strict=True)}
    return [Figure("catalogue_wins", round(sum(wins) * len(PLACES) / len(attempts)), "kinds", "higher", TARGET, detail)]


def attempt(place: Place, room: Path, core: int | None, rng: random.Random, **extent: int) -> Confirmation:
    """The confirmation of one kind's edit; its outputs are compared with the unchanged library's all the while.

    Raises EditError where the edit's conditions do not hold, BaselineError where the input does not work.
    """
    folder = room / place.library
    if not folder.exists():
        LIBRARIES[place.library].unpack(room, INPUTS)
    roots = detect_source_roots(folder)
    tree = {path: (folder / path).read_bytes().decode() for path in detect_files(folder, roots)}
    files = apply_genome((Edit.parse(place.edit),), tree, (CatalogueSource(),))
    with workshop_on(folder, roots) as workshop:
        bench = Bench(workshop, tree, f"dean_benchmark:{place.use}", 0.2)
        repeats = _repeats(bench, core)
        return measure_afresh(
            lambda hash_seed: bench.fresh(core, hash_seed, repeats),
            files,
            Costing({"runtime": 1.0}, tree),
            rng,
            to_the_end=True,
            **extent,
        )


def _repeats(bench: Bench, core: int | None) -> int:
    """Runs that make a measurement long enough. Raises BaselineError where the input does not work."""
    with Worker(bench.workshop, {"kind": "callable", "spec": bench.spec}) as worker:
        if worker.ready["raised"]:
            raise BaselineError(f"{bench.spec} {worker.ready['says']}.")
        answer = worker.request("single", 10.0, seeds=list(range(5)), checks=[False] * 5, repeats=1, core=core)
        return max(1, math.ceil(CONFIRMING_SECONDS / median(row["run"][0] for row in answer["rows"])))


def _shown(place: Place, found: Confirmation, won: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "confirmed": won,
        "library": LIBRARIES[place.library].requirement,
        "edit": place.edit,
        "input": place.use,
    }
    if found.problem:
        return {**shown, "problem": found.problem}
    return {
        **shown,
        "speedup": round(found.speedup, 3),
        "interval": [round(bound, 3) for bound in found.speedup_interval],
        "p": float(f"{found.p_value:.2g}"),
    }
