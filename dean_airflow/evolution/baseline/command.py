"""The baseline of a benchmark that is a command: run it, compare its outputs, profile its own process."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.judge.command_pairs import CommandFailed, run_command
from dean_airflow.evolution.judge.worker import Workshop

RUNS = 6
WARM_UP = 1
ProfileRow = tuple[str, str, float]


def measure_command(
    workshop: Workshop, command: Sequence[str], core: int | None, runtime_limit: float
) -> tuple[dict[str, Any], list[ProfileRow]]:
    """What `_measured` gives for other workloads, and the profile's rows (path, function, seconds).

    Raises BaselineError for a command that fails, prints no number, or prints different things in two runs.
    """
    tree = workshop.copy_tree("baseline", {})
    profile = Path(tempfile.mkdtemp(prefix="profile-", dir=workshop.scratch))
    try:
        runs = [run_command(workshop, tree, command, core, runtime_limit) for _ in range(WARM_UP + RUNS)][WARM_UP:]
        if len({output for _, _, output in runs}) > 1:
            raise BaselineError(
                "The benchmark command prints different things in two runs (beside its last number), so a candidate's "
                "output could not be compared: make it deterministic."
            )
        run_command(workshop, tree, command, core, runtime_limit, profile=profile)
        rows = _profile_rows(profile)
    except CommandFailed as error:
        raise BaselineError(f"The benchmark command fails with the unchanged target: it {error}.") from None
    finally:
        shutil.rmtree(tree.parent, ignore_errors=True)
        shutil.rmtree(profile, ignore_errors=True)
    seconds = median(seconds for _, seconds, _ in runs)
    if seconds * 200 > runtime_limit:
        raise BaselineError(
            f"The benchmark command takes {seconds:.1f} s, too long to compare candidates within "
            f"{runtime_limit / 60:g} minutes: shorten it, or raise `max_runtime_minutes`."
        )
    costs = [cost for cost, _, _ in runs]
    return {
        "seconds": seconds,
        "repeats": 1,
        "noise": stdev(costs) / fmean(costs),
        "takes_seed": False,
        "mode": "fresh",
        "mode_reason": "the benchmark is a command",
    }, rows


def _profile_rows(folder: Path) -> list[ProfileRow]:
    """Of all Python processes of the command together. What the sandbox wrote is not trusted to be well-formed."""
    totals: dict[tuple[str, str], float] = {}
    for file in folder.glob("*.json"):
        with contextlib.suppress(ValueError, TypeError):
            for path, function, seconds in json.loads(file.read_text()):
                key = (str(path), str(function))
                totals[key] = totals.get(key, 0.0) + float(seconds)
    return sorted(((*key, seconds) for key, seconds in totals.items()), key=lambda row: -row[2])
