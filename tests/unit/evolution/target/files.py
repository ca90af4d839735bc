"""Project folders for tests of what is detected in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dean_airflow.evolution.target.target import Checkout


def project(folder: Path, files: Mapping[str, str | bytes]) -> Checkout:
    """A checkout with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Checkout(folder, folder, "1.0")
