"""`python -m benchmarks NAME [--minutes M]`: runs one benchmark; M shortens it, and then the trend is left alone."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import _trend
from benchmarks.figure import Figure


def main() -> int:
    """0 when every target is reached and, in a full run, nothing regressed; else 1, and 2 for an unknown name."""
    here = Path(__file__).parent
    support = {"figure"}
    names = sorted(
        file.stem for file in here.glob("*.py") if file.stem not in support and not file.stem.startswith("_")
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=names)
    parser.add_argument("--minutes", type=float, default=None, help="about how long it may take; default: all of it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    module = importlib.import_module(f"benchmarks.{options.name}")
    return 0 if accepted(options.name, module.run(options.minutes), full=options.minutes is None) else 1


def _leave(number: int, frame: object) -> None:
    """By way of every `finally`: a benchmark that is ended leaves no server and no database behind."""
    sys.exit(128 + number)


def accepted(bench: str, figures: Sequence[Figure], *, full: bool, folder: Path = _trend.FOLDER) -> bool:
    """Prints the figures, and a sentence on stderr for each that misses its target or, in a full run, regressed.

    The figures of a full run are compared with the recorded trend and added to it. Raises ValueError where a line of
    the trend cannot be read; then nothing is added.
    """
    for figure in figures:
        print(json.dumps(asdict(figure)), flush=True)
    faults = [figure.shortfall for figure in figures]
    if full:
        circumstances, before = _trend.Circumstances.here(), _trend.recorded(bench, folder)
        faults += [_trend.regression(figure, before, circumstances) for figure in figures]
        _trend.append(bench, figures, circumstances, folder)
    for fault in filter(None, faults):
        print(fault, file=sys.stderr)
    return not any(faults)


if __name__ == "__main__":
    sys.exit(main())
