"""A figure: one measured number with its target, as a line of JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

TREND = Path(__file__).parent / "trend"


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `better` says which direction is good; `target` is what it must reach, None if free."""

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]
    target: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether the target is met; always so without one."""
        if self.target is None:
            return True
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def emit(bench: str, figures: list[Figure], *, keep: bool) -> bool:
    """Prints the figures and, with `keep`, adds them to the recorded trend; whether all targets are reached."""
    for figure in figures:
        print(json.dumps(asdict(figure)), flush=True)
    if keep:
        TREND.mkdir(exist_ok=True)
        with (TREND / f"{bench}.jsonl").open("a") as file:
            for figure in figures:
                file.write(json.dumps({**asdict(figure), **_circumstances()}) + "\n")
    return all(figure.reached for figure in figures)


def _circumstances() -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
