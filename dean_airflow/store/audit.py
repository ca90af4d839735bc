"""The audit log of the servers: who did what, with what outcome; appended, removed by age alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from dean_airflow.store.database import Database
from dean_airflow.store.server_models import AuditRow

KEPT = timedelta(days=90)


@dataclass(frozen=True)
class AuditEntry:
    at: datetime
    action: str
    user: str
    resource: str
    outcome: str
    times: int


class AuditLog:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, action: str, user: str, resource: str, outcome: str) -> None:
        self.add_all({(action, user, resource, outcome): 1})

    def add_all(self, counted: Mapping[tuple[str, str, str, str], int]) -> None:
        """Each (action, user, resource, outcome) with how often it was done, as of now."""
        now = self._now()
        rows = [
            {"at": now, "action": action, "user": user, "resource": resource, "outcome": outcome, "times": times}
            for (action, user, resource, outcome), times in counted.items()
        ]
        if rows:
            self._database.write(lambda session: session.execute(insert(AuditRow), rows))

    def recent(self, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        statement = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def count(self) -> int:
        return self._database.read(lambda session: session.scalar(select(func.count()).select_from(AuditRow)) or 0)

    def remove_old(self, keep: timedelta = KEPT) -> int:
        """How many entries older than `keep` went."""
        old = delete(AuditRow).where(AuditRow.at < self._now() - keep).returning(AuditRow.id)
        return self._database.write(lambda session: len(session.scalars(old).all()))


_NAMES = [field.name for field in fields(AuditEntry)]


def _read(row: AuditRow) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in _NAMES})
