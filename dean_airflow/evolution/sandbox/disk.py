"""Watches how much the writable directories of a jail grow. Standard library only: the launcher runs it."""

# ruff: noqa: PTH116, PTH208
from __future__ import annotations

import errno
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PAUSE = 0.1
_SHARE = 0.02
"""Seconds between two looks, and the share of one CPU that walking the directories may take at most: the jailed
workload is being timed on the same cores."""
_LONGEST_PAUSE = 2.0
"""Whatever a walk costs: many small files must not buy time to write big ones."""
_WALK_EVERY = 10.0
"""Seconds after which the directories are walked though their file systems look unchanged."""
_LEAST = 4096
"""Bytes that an entry counts for at least: empty files use up a file system too."""
_ENTRIES_BETWEEN_LOOKS = 500


class DiskWatch:
    """Growth of some directories since this was made."""

    def __init__(
        self,
        directories: list[str],
        most_bytes: int,
        processes: Callable[[], Iterable[int]],
        interrupted: Callable[[], bool],
    ) -> None:
        """`most_bytes`: growth that is still allowed. No directory: nothing to watch, `active` is False.

        `processes`: those whose deleted but open files count too. `interrupted`: asked during a long walk, which is
        given up when it says True.
        """
        self.active = bool(directories)
        self._directories = directories
        self._most = most_bytes
        self._processes = processes
        self._interrupted = interrupted
        self._walk_seconds = 0.0
        self._walked_at = time.monotonic()
        self._start = self._walk() if self.active else 0
        self._free = self._free_bytes()
        self.due = time.monotonic() + _PAUSE
        """When to ask `exceeded` next, on the monotonic clock."""

    def exceeded(self) -> str:
        """`disk` once the directories grew by more than allowed, else empty.

        Walking them is skipped while their file systems' free space says that they cannot have grown by much; every
        few seconds it is done all the same, since somebody else may have freed space meanwhile.
        """
        grown = 0
        shrunk = self._free - self._free_bytes()
        if shrunk >= self._most // 8 or time.monotonic() - self._walked_at >= _WALK_EVERY:
            grown = self._used() - self._start
            self._free = self._free_bytes()
        self.due = time.monotonic() + min(_LONGEST_PAUSE, max(_PAUSE, self._walk_seconds / _SHARE))
        return "disk" if grown > self._most else ""

    def _free_bytes(self) -> int:
        total = 0
        for directory in self._directories:
            try:
                state = os.statvfs(directory)
            except OSError:
                continue
            total += state.f_bavail * state.f_frsize
        return total

    def _used(self) -> int:
        started = time.monotonic()
        total = self._walk() + self._deleted()
        self._walked_at = time.monotonic()
        self._walk_seconds = self._walked_at - started
        return total

    def _walk(self) -> int:
        total = seen = 0
        left = list(self._directories)
        while left:
            try:
                with os.scandir(left.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            left.append(entry.path)
                        total += max(_LEAST, entry.stat(follow_symlinks=False).st_blocks * 512)
                        seen += 1
                        if seen % _ENTRIES_BETWEEN_LOOKS == 0 and self._interrupted():
                            return total
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    # Nested deeper than a path can say, which nobody does but to hide what lies there.
                    return total + self._most + 1
        return total

    def _deleted(self) -> int:
        """Bytes in files that have no name any more and that the jail's processes hold open."""
        sizes: dict[tuple[int, int], int] = {}
        for pid in self._processes():
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    state = os.stat(f"/proc/{pid}/fd/{fd}")
                    if state.st_nlink == 0 and stat.S_ISREG(state.st_mode):
                        sizes[state.st_dev, state.st_ino] = state.st_blocks * 512
            except OSError:
                continue
        return sum(sizes.values())
