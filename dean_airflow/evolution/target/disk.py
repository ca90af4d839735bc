"""What a full or read-only disk is told the user as."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.errors import DeanError


@contextlib.contextmanager
def disk_errors(kind: type[DeanError], doing: str, where: Path) -> Iterator[None]:
    """Turn an OSError raised inside into `kind`: 'Cannot <doing> in <where>: No space left on device.'"""
    try:
        yield
    except OSError as error:
        raise kind(f"Cannot {doing} in {where}: {error.strerror or error}.") from error
