"""Who is in a jail, and how many and how big they are together, where no control group counts them.

Standard library only, and little of it: the launcher runs it.
"""

# ruff: noqa: PTH123
from __future__ import annotations

import os
import time

_PAUSE = 0.1
_SHARE = 0.02
"""Seconds between two counts, and the share of one CPU they may take at most, on a host with many processes."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(of: int) -> dict[int, tuple[int, int]]:
    """pid → (threads, resident bytes) of every living process below `of`.

    From every process's status line: some kernels lack /proc/PID/task/PID/children.
    """
    parents: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit():
                continue
            try:
                with open(f"/proc/{entry.name}/stat", "rb") as file:
                    # The name before the state may hold blanks and parentheses. See proc_pid_stat(5) for the rest.
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                pid = int(entry.name)
                parents[pid] = int(fields[1])
                sizes[pid] = (int(fields[17]), int(fields[21]) * _PAGE)
    found = {of}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: sizes[pid] for pid in found - {of}}


class Census:
    """Counts the processes below this one against caps on all of them together."""

    def __init__(self, most_processes: int, most_bytes: int) -> None:
        """A cap of 0 is not looked after; with both 0, `active` is False."""
        self.active = most_processes > 0 or most_bytes > 0
        self._most_processes = most_processes
        self._most_bytes = most_bytes
        self.due = time.monotonic() + _PAUSE
        """When to ask `exceeded` next, on the monotonic clock."""

    def exceeded(self) -> str:
        """`processes` or `memory` when that cap is passed, else empty."""
        started = time.monotonic()
        members = descendants(os.getpid())
        verdict = ""
        if 0 < self._most_processes < sum(threads for threads, _ in members.values()):
            verdict = "processes"
        # Resident sizes count what forks share once for each, so they only say when to look closer.
        elif 0 < self._most_bytes < sum(size for _, size in members.values()) and self._most_bytes < sum(
            _own_share(pid, size) for pid, (_, size) in members.items()
        ):
            verdict = "memory"
        now = time.monotonic()
        self.due = now + max(_PAUSE, (now - started) / _SHARE)
        return verdict


def _own_share(pid: int, resident: int) -> int:
    """Bytes of memory, shared pages divided among those who share them; `resident` of a process that hides them."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident
