"""A finding: one defect of a deployment, with where it is, what it does and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dean_airflow.deployment.place import Place

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is a sentence about this defect, `why` its consequence, `fix` what to do. No text holds a secret's value.

    `also` are further places of the same defect, such as the other side of a contradiction.
    """

    id: str
    severity: Severity
    place: Place
    what: str
    why: str = ""
    fix: str = ""
    also: tuple[Place, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-able; `line` is null where the whole file is meant."""
        return {
            "id": self.id,
            "severity": self.severity,
            "file": self.place.file,
            "line": self.place.line,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            "also": [{"file": place.file, "line": place.line} for place in self.also],
        }


class NotChecked(Exception):
    """A check cannot run here; its text says why. Never to be taken for passed."""
