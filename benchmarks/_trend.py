"""What full runs measured before, one line of JSON a figure, and whether a new figure is worse than that.

Machines are shared and differ, so only lines of as many cores and the same minor version of Python are compared, by
the median of the last few: one lucky run sets no mark, and one bad run is no new usual. A regressed figure is recorded
as well; the trend says what was, the exit code what is accepted.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figure import Figure

FOLDER = Path(__file__).parent / "trend"
LAST = 5
"""Recorded values that count."""
TOLERANCE = 0.35
"""Share by which a time or a rate may be worse than usual: that much other work on a shared machine makes of it."""
TIMES = frozenset({"us", "ms", "s", "min"})
RATE = "/s"
"""Ending of the units of rates."""


@dataclass(frozen=True)
class Circumstances:
    """What a value depends on beside the code."""

    cores: int
    python: str
    """Version, as in 3.11.7."""

    @classmethod
    def here(cls) -> Circumstances:
        return cls(len(os.sched_getaffinity(0)), platform.python_version())

    @property
    def minor(self) -> str:
        return ".".join(self.python.split(".")[:2])


def recorded(bench: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The lines of a bench's trend, oldest first. Raises ValueError, naming the line, where one is no figure."""
    file = folder / f"{bench}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [_parsed(line, f"{file.name}:{number}") for number, line in enumerate(lines, start=1)]


def append(bench: str, figures: Sequence[Figure], here: Circumstances, folder: Path = FOLDER) -> None:
    """Adds the figures with when, where and on what commit they were measured."""
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    circumstances = {"at": at, "commit": commit.stdout.strip(), **asdict(here)}
    folder.mkdir(exist_ok=True)
    with (folder / f"{bench}.jsonl").open("a") as file:
        for figure in figures:
            file.write(json.dumps({**asdict(figure), **circumstances}) + "\n")


def regression(figure: Figure, lines: Sequence[dict[str, Any]], here: Circumstances) -> str:
    """One sentence if the figure is worse than it usually is by more than its tolerance, else empty.

    Times and rates have a tolerance. Where counts and ratios have a target, the target decides alone: it says how
    much is enough, and what lies above it may vary. Without one they are compared like times.
    """
    if figure.target is not None and not _is_timing(figure.unit):
        return ""
    alike = [
        float(line["value"])
        for line in lines
        if line["name"] == figure.name
        and Circumstances(line["cores"], line["python"]).minor == here.minor
        and line["cores"] == here.cores
    ][-LAST:]
    if not alike:
        return ""
    usual = median(alike)
    allowed = usual / (1 + TOLERANCE) if figure.better == "higher" else usual * (1 + TOLERANCE)
    if figure.value >= allowed if figure.better == "higher" else figure.value <= allowed:
        return ""
    return (
        f"{figure.name} regressed: {figure.value:g} {figure.unit}, where the last {len(alike)} full run(s) on "
        f"{here.cores} core(s) with Python {here.minor} had a median of {usual:g}, and {allowed:.4g} is the worst "
        f"that is accepted ({TOLERANCE:.0%})."
    )


def _is_timing(unit: str) -> bool:
    return unit in TIMES or unit.endswith(RATE)


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
        Figure(**{name: fields[name] for name in ("name", "value", "unit", "better", "target", "detail")})
        float(fields["value"])
        datetime.fromisoformat(fields["at"])
        Circumstances(int(fields["cores"]), str(fields["python"]))
        if fields["better"] not in ("higher", "lower"):
            raise ValueError(f"better is {fields['better']!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is no figure of a trend ({type(error).__name__}: {error}).") from None
    return dict(fields)
