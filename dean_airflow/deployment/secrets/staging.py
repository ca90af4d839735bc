"""Where the old and the new value are kept while a rotation is under way: a file that only its owner may read.

The journal in the store holds no values, so a rotation that was killed finds them here. The file goes with its end.
"""

from __future__ import annotations

import json
from pathlib import Path

from dean_airflow.deployment.secrets.held_value import write_private
from dean_airflow.errors import DeploymentError


class Staging:
    """The file of one secret; `place` is its name in the store."""

    def __init__(self, data_dir: Path, place: str) -> None:
        self.path = data_dir / "rotations" / f"{place}.json"

    def save(self, old: str, new: str) -> None:
        """Raises DeploymentError."""
        beside = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(beside, json.dumps({"old": old, "new": new}).encode())
            beside.replace(self.path)
        except OSError as error:
            raise DeploymentError(f"The new secret cannot be kept in {self.path}: {error.strerror}.") from None

    def load(self) -> tuple[str, str] | None:
        """The old and the new value; None where there are none, or no whole ones."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return str(kept["old"]), str(kept["new"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self) -> None:
        for path in (self.path, self.path.with_suffix(".new")):
            path.unlink(missing_ok=True)
