"""`python -m benchmarks NAME [--minutes M]`: runs one benchmark; M shortens it, and then the trend is left alone."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.figure import emit


def main() -> int:
    """0 when every target is reached, 1 when one is missed, 2 for an unknown name."""
    here = Path(__file__).parent
    support = {"figure"}
    names = sorted(
        file.stem for file in here.glob("*.py") if file.stem not in support and not file.stem.startswith("_")
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=names)
    parser.add_argument("--minutes", type=float, default=None, help="about how long it may take; default: all of it")
    options = parser.parse_args()
    module = importlib.import_module(f"benchmarks.{options.name}")
    figures = module.run(options.minutes)
    return 0 if emit(options.name, figures, keep=options.minutes is None) else 1


if __name__ == "__main__":
    sys.exit(main())
