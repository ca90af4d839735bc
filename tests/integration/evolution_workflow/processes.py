"""Processes that a test asks about by what they were told, or by the session they are in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def processes_in(folder: Path) -> list[int]:
    """Processes that work below the folder or were told of it."""
    found = []
    for entry in _entries():
        try:
            told = (entry / "cmdline").read_bytes().decode(errors="replace")
            works = str((entry / "cwd").readlink())
        except (OSError, ValueError):
            continue
        if str(folder) in told or works.startswith(str(folder)):
            found.append(int(entry.name))
    return found


def processes_told(variable: str, value: str) -> list[int]:
    """Processes that were started with this environment variable, this one not counted."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in _entries():
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in environment and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def _entries() -> Iterator[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
