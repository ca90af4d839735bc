"""What the judge asks before it believes that a candidate behaves like the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dean_airflow.evolution.edits.edit import Genome


class BehaviourCheck(Protocol):
    """Asked about candidates that won their screening, before their tests."""

    def why_not(self, genome: Genome, files: Mapping[str, str]) -> str:
        """One sentence why the candidate is dropped; empty if its behaviour is kept."""
        ...

    def close(self) -> None:
        """Ends what it started."""
        ...
