"""A competing process on each core, as on a busy machine: short bursts of work at random times."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

BURST = 0.002
PAUSE = 0.008
"""Mean seconds of work and of rest, both exponential: a fifth of each core, in pieces longer than a measurement."""


@contextmanager
def competing(most_seconds: float) -> Iterator[None]:
    """Burns on every core until the block ends, the caller dies, or `most_seconds` are over."""
    until = time.monotonic() + most_seconds
    context = multiprocessing.get_context("fork")
    burners = [
        context.Process(target=_burn, args=(core, os.getpid(), until), daemon=True)
        for core in sorted(os.sched_getaffinity(0))
    ]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.terminate()
            burner.join()


def _burn(core: int, parent: int, until: float) -> None:
    os.sched_setaffinity(0, {core})
    rng = random.Random(core)
    while os.getppid() == parent and time.monotonic() < until:
        end = time.perf_counter() + rng.expovariate(1 / BURST)
        while time.perf_counter() < end:
            pass
        time.sleep(rng.expovariate(1 / PAUSE))
