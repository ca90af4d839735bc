"""Directories for a task's checkouts: removed with the task, at most 20 at once, and swept up after a crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.disk import disk_errors
from dean_airflow.evolution.target.file_lock import file_lock, try_lock

MAX_WORKSPACES = 20
"""On one machine (behaviour 8.6)."""

PREFIX = "dean-trial-"


@contextlib.contextmanager
def workspace(parent: Path | None, name: str) -> Iterator[Path]:
    """An empty directory for as long as the block runs, under `parent` (None: the system's temporary directory).

    Held by a lock that dies with this process, so what a killed one leaves is known as an orphan.
    `name` is part of its name. Raises TargetError: `MAX_WORKSPACES` are in use, or the disk is full or read-only.
    """
    parent = parent or Path(tempfile.gettempdir())
    with disk_errors(TargetError, "make a workspace", parent):
        parent.mkdir(parents=True, exist_ok=True)
        with file_lock(parent / f"{PREFIX}all.lock"):
            if sum(_in_use(place) for place in _workspaces(parent)) >= MAX_WORKSPACES:
                raise TargetError(f"There are {MAX_WORKSPACES} trials at work in {parent} already; try again later.")
            place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-", dir=parent)).resolve()
            held = try_lock(_lock(place))
            assert held is not None  # nobody else knows a name just made
    try:
        yield place
    finally:
        _remove(place)
        os.close(held)


def remove_orphans(parent: Path | None, hours: float = 24.0) -> list[Path]:
    """Remove workspaces whose process is gone and that are older than `hours` (0 and up); what was removed."""
    parent, removed = parent or Path(tempfile.gettempdir()), []
    for place in _workspaces(parent):
        if place.stat().st_mtime < time.time() - hours * 3600 and not _in_use(place):
            _remove(place)
            removed.append(place)
    return removed


def remove_named(parent: Path | None, name: str) -> list[Path]:
    """Remove the workspaces of this `name` whose process is gone, whatever their age; what was removed."""
    parent, removed = parent or Path(tempfile.gettempdir()), []
    for place in _workspaces(parent):
        if place.name.startswith(f"{PREFIX}{name}-") and not _in_use(place):
            _remove(place)
            removed.append(place)
    return removed


def _workspaces(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob(f"{PREFIX}*") if path.is_dir())


def _in_use(place: Path) -> bool:
    held = try_lock(_lock(place))
    if held is None:
        return True
    os.close(held)
    return False


def _lock(place: Path) -> Path:
    return place.with_suffix(".lock")


def _remove(place: Path) -> None:
    # A test may have made a folder read-only, which would keep its files.
    for folder, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)
    _lock(place).unlink(missing_ok=True)
