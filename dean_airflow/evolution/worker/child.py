"""The forked child: runs the workload when told, and says how long it took and, if asked afterwards, what came out.

The parent asks for a digest only after the run's time has been reported, so a candidate cannot know which runs are
checked. Each command is one byte and its arguments; each answer has a fixed beginning.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from . import canonical, clock

COMMAND = struct.Struct("!cqI")
"""Command byte, seed, repeats."""
RAN = struct.Struct("!d")
"""Seconds, by the child's own clock."""
DIGEST = struct.Struct("!32sH")
"""Digest in ASCII, and the length of the description that follows it."""
RUN, CHECK, PEAK, END = b"R", b"D", b"M", b"E"
DESCRIPTION = 300

Run = Callable[[int, int], tuple[float, Any]]
"""(seed, repeats) → seconds and outcome; see workloads."""


class Gone(Exception):
    """The child died or broke the protocol."""


class Outcome(NamedTuple):
    """What one measurement computed: the values of its repeats, or the class of the exception raised."""

    values: list[Any]
    raised: str = ""
    message: str = ""

    def digest(self) -> str:
        return canonical.digest([self.raised, self.values])

    def describe(self) -> str:
        """A few words for the reason of a rejection."""
        if self.raised:
            return f"raises {self.raised}: {self.message}"[:DESCRIPTION]
        try:
            return f"returns {self.values[-1]!r:.200}"[:DESCRIPTION] if self.values else "returns nothing"
        except Exception as error:
            return f"returns a value whose repr raises {type(error).__name__}"


def timed_calls(call: Callable[[int], Any], seed: int, repeats: int) -> tuple[float, Outcome]:
    """Calls `repeats` times with seeds seed, seed + 1, ... and times the whole."""
    now = clock.now
    values: list[Any] = []
    keep = values.append
    started = now()
    try:
        for number in range(seed, seed + repeats):
            keep(call(number))
    except Exception as error:
        return now() - started, Outcome(values, type(error).__name__, str(error))
    return now() - started, Outcome(values)


def serve(read: int, write: int, run: Run, fork_per_run: bool) -> None:
    """Obeys the parent until the pipe closes. With `fork_per_run`, each run happens in a process of its own, so that
    nothing a run leaves in memory speeds up the next."""
    unpack, size = COMMAND.unpack, COMMAND.size
    outcome = Outcome([])
    while True:
        command, seed, repeats = unpack(_read(read, size))
        if command == RUN and fork_per_run:
            pid = os.fork()
            if pid:
                _, status = os.waitpid(pid, 0)
                if status:
                    os._exit(1)
            else:
                _serve_one(read, write, run, seed, repeats)
                os._exit(0)
        elif command == RUN:
            seconds, outcome = run(seed, repeats)
            os.write(write, RAN.pack(seconds))
        elif command == CHECK:
            os.write(write, _checked(outcome))
            outcome = Outcome([])
        elif command == PEAK:
            os.write(write, RAN.pack(_peak_memory(run, seed, repeats)))


def _serve_one(read: int, write: int, run: Run, seed: int, repeats: int) -> None:
    seconds, outcome = run(seed, repeats)
    os.write(write, RAN.pack(seconds))
    while True:
        command, _, _ = COMMAND.unpack(_read(read, COMMAND.size))
        if command == END:
            return
        os.write(write, _checked(outcome))


def _checked(outcome: Outcome) -> bytes:
    description = outcome.describe().encode("utf-8", "replace")
    return DIGEST.pack(outcome.digest().encode(), len(description)) + description


def _peak_memory(run: Run, seed: int, repeats: int) -> float:
    """Peak bytes allocated by Python during one measurement; one before it fills the caches."""
    import tracemalloc

    run(seed, repeats)
    tracemalloc.start()
    run(seed, repeats)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak)


def _read(descriptor: int, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = os.read(descriptor, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts
