"""What DEAN's plugin adds to every Airflow command: CPU seconds with its entry point less those without, in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._airflow import PrivateAirflow
from benchmarks.figure import Figure

TARGET = 0.2
ROUNDS = 11
COMMANDS = (("version",), ("dags", "list"), ("plugins",))
_LAUNCH = """
import importlib.metadata, sys
hidden = sys.argv.pop(1)
found = importlib.metadata.Distribution.entry_points.fget
importlib.metadata.Distribution.entry_points = property(
    lambda self: importlib.metadata.EntryPoints(
        one for one in found(self) if not (one.group == "airflow.plugins" and one.value.startswith(hidden))
    )
)
from airflow.__main__ import main
main()
"""
"""Airflow's command without the plugins whose module begins with the first argument; both sides go this way."""


def run(minutes: float | None) -> list[Figure]:
    """plugin_import in CPU seconds: of the command that it costs most, the median of the differences."""
    rounds = ROUNDS if minutes is None else max(3, int(ROUNDS * min(1.0, minutes / 4)))
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        airflow = PrivateAirflow(Path(folder) / "airflow", "")
        costs = {" ".join(command): _compared(airflow, command, rounds) for command in COMMANDS}
    worst = max(cost["added"] for cost in costs.values())
    return [Figure("plugin_import", round(worst, 3), "s", "lower", TARGET, {"rounds": rounds, "commands": costs})]


def _compared(airflow: PrivateAirflow, command: tuple[str, ...], rounds: int) -> dict[str, Any]:
    _cpu(airflow, command, "nothing at all"), _cpu(airflow, command, "dean_airflow")  # warm caches
    pairs = [(_cpu(airflow, command, "nothing at all"), _cpu(airflow, command, "dean_airflow")) for _ in range(rounds)]
    with_it, without = zip(*pairs, strict=True)
    return {
        "added": round(median(one - other for one, other in pairs), 3),
        "with": round(median(with_it), 2),
        "without": round(median(without), 2),
    }


def _cpu(airflow: PrivateAirflow, command: tuple[str, ...], hidden: str) -> float:
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, hidden, *command],
        env=airflow.environment,
        cwd=airflow.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.write(errors.decode("utf-8", "replace")[-2000:])
        raise subprocess.CalledProcessError(process.returncode, ["airflow", *command])
    return usage.ru_utime + usage.ru_stime
