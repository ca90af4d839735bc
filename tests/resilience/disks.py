"""Disks to fill: small file systems in memory."""

from __future__ import annotations

import subprocess
from pathlib import Path

MEGABYTE = 1 << 20


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def fill(disk: Path) -> Path:
    """Takes all the space that is left; removing the file it answers gives it back."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast
