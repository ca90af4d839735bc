"""Watches how much the writable directories of a jail grow. Standard library only: the launcher runs it."""

from __future__ import annotations

import os
import time

_PAUSE = 0.1
_SHARE = 0.02
"""Seconds between two looks, and the share of one CPU that walking the directories may take at most: the jailed
workload is being timed on the same cores."""
_FULL_WALK_EVERY = 10.0


class DiskWatch:
    """Growth of some directories since this was made."""

    def __init__(self, directories: list[str], most_bytes: int) -> None:
        """`most_bytes`: growth that is still allowed. No directory: nothing to watch, `active` is False."""
        self.active = bool(directories)
        self._directories = directories
        self._most = most_bytes
        self._walk_seconds = 0.0
        self._walked_at = 0.0
        self._start = self._used() if self.active else 0
        self._free = self._free_bytes()

    def seconds_to_next(self) -> float:
        return max(_PAUSE, self._walk_seconds / _SHARE)

    def exceeded(self) -> bool:
        """True once the directories grew by more than allowed.

        Walking them is skipped while their file systems' free space says that they cannot have grown by much; every
        few seconds it is done all the same, since somebody else may have freed space meanwhile.
        """
        shrunk = self._free - self._free_bytes()
        if shrunk < self._most // 8 and time.monotonic() - self._walked_at < _FULL_WALK_EVERY:
            return False
        grown = self._used() - self._start
        self._free = self._free_bytes()
        return grown > self._most

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
        total = 0
        left = list(self._directories)
        while left:
            try:
                with os.scandir(left.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            left.append(entry.path)
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:
                continue
        self._walked_at = time.monotonic()
        self._walk_seconds = self._walked_at - started
        return total
