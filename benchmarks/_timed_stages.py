"""`python -m benchmarks._timed_stages FILE CONF`: `airflow dags test` on a trial, with each stage timed.

FILE gets a line `stage seconds` for each stage as it ends.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dean_airflow.evolution import trial

STAGES = (
    "preflight",
    "open_trial",
    "evolve_island",
    "confirm_champion",
    "validate_champion",
    "publish",
    "catalogue_patterns",
    "close_trial",
)


def main() -> None:
    """Ends with the command's own exit status."""
    file, conf = sys.argv[1:]
    for stage in STAGES:
        setattr(trial, stage, _timed(stage, getattr(trial, stage), Path(file)))
    sys.argv = ["airflow", "dags", "test", "dean_evolution_trial", "--conf", conf]
    from airflow.__main__ import main as airflow

    airflow()  # type: ignore[no-untyped-call]


def _timed(stage: str, function: Callable[..., Any], file: Path) -> Callable[..., Any]:
    """The operators look a stage up when they run it, so each call is seen."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            with file.open("a") as times:
                times.write(f"{stage} {time.perf_counter() - started}\n")

    return call


if __name__ == "__main__":
    main()
