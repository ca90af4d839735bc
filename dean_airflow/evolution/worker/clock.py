"""The clocks of the harness, as references taken before any of the target's code is loaded.

Patching `time.perf_counter` later changes nothing here. `perf_counter` is used because `process_time` moves in
4 ms ticks once a CPU limit is set on the process, as sandboxes do.
"""

from time import perf_counter as now

STEP_LIMIT = 1e-5
"""Seconds; a clock that moves in larger steps than this is refused."""


def step() -> float:
    """The smallest step seen between two different readings, in seconds."""
    smallest = 1.0
    for _ in range(200):
        first = second = now()
        while second == first:
            second = now()
        smallest = min(smallest, second - first)
    return smallest


__all__ = ["STEP_LIMIT", "now", "step"]
