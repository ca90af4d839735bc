"""Patterns as services told them: where one service's patterns are found by everyone else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.saga_models import ServicePatternRow


@dataclass(frozen=True)
class ServicePattern:
    """`service` is the kind that found it (evolution, indexagent) and `id` that service's own.

    The figures are in 0..1 and as the service reports them, None where it does not.
    """

    service: str
    id: str
    name: str
    type: str
    description: str
    confidence: float
    trial_id: str | None = None
    effectiveness: float | None = None
    impact_score: float | None = None
    occurrences: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    first_seen_at: datetime | None = field(default=None, compare=False)
    """When it was first told here; None before it is kept."""


class ServicePatterns:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def keep(self, patterns: Iterable[ServicePattern]) -> int:
        """Keeps what was seen, in place of what the same service said of the same id; how many are new or differ."""
        seen = sorted(patterns, key=lambda pattern: (pattern.service, pattern.id))

        def work(session: Session) -> int:
            return sum(_merge(session, pattern, self._now()) for pattern in seen)

        return self._database.write(work)

    def list(
        self, *, service: str | None = None, trial_id: str | None = None, other_than: str | None = None
    ) -> Sequence[ServicePattern]:
        """Of one service or of all `other_than` one, of one trial (by its id there); highest impact first."""
        statement = select(ServicePatternRow)
        if other_than is not None:
            statement = statement.where(ServicePatternRow.service != other_than)
        if service is not None:
            statement = statement.where(ServicePatternRow.service == service)
        if trial_id is not None:
            statement = statement.where(ServicePatternRow.trial_id == trial_id)
        found = self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])
        return sorted(found, key=lambda one: (-(one.impact_score or 0.0), -one.confidence, one.service, one.id))

    def remove_unseen(self, keep: timedelta) -> int:
        """Removes those no service has named for so long; how many."""
        statement = delete(ServicePatternRow).where(ServicePatternRow.seen_at < self._now() - keep)
        return self._database.write(lambda session: int(getattr(session.execute(statement), "rowcount", 0)))


_FIELDS = (
    "trial_id",
    "name",
    "type",
    "description",
    "confidence",
    "effectiveness",
    "impact_score",
    "occurrences",
    "details",
)


def _merge(session: Session, pattern: ServicePattern, now: datetime) -> bool:
    row = session.get(ServicePatternRow, (pattern.service, pattern.id), with_for_update=True)
    if row is None:
        session.add(ServicePatternRow(**{**vars(pattern), "first_seen_at": now}, seen_at=now))
        session.flush()
        return True
    changed = False
    for name in _FIELDS:
        value = getattr(pattern, name)
        if name == "trial_id" and value is None:
            continue  # a service that does not know the trial takes nothing from what is known
        changed |= getattr(row, name) != value
        setattr(row, name, value)
    row.seen_at = now
    return changed


def _read(row: ServicePatternRow) -> ServicePattern:
    known = {name: getattr(row, name) for name in (*_FIELDS, "first_seen_at")}
    return ServicePattern(row.service, row.id, **known)
