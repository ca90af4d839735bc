"""One processor core for each judge of this machine, so that the members of a pair meet the same conditions."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reserved_core(cache_dir: Path) -> Iterator[int | None]:
    """A core that no other judge here holds, or the least one where all are taken (None without core affinity).

    Held by a lock on a file of that number, which the system lets go when the process ends in any way.
    """
    if not hasattr(os, "sched_getaffinity"):
        yield None
        return
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    folder = cache_dir / "cores"
    folder.mkdir(parents=True, exist_ok=True)
    for core in cores:
        descriptor = os.open(folder / str(core), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            continue
        try:
            yield core
        finally:
            os.close(descriptor)
        return
    yield cores[-1]
