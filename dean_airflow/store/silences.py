"""Silences: for a time, and for a reason, alerts with certain labels are not notified."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import SilenceError
from dean_airflow.store.alert_models import SilenceRow
from dean_airflow.store.database import Database

LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class Silence:
    """Mutes the alerts that have all of `labels`, until `ends_at`."""

    id: str
    labels: dict[str, str]
    reason: str
    author: str
    created_at: datetime
    ends_at: datetime
    ended_early: bool

    def mutes(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name, "") == value for name, value in self.labels.items())

    def as_data(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self) | {"created_at": self.created_at.isoformat(), "ends_at": self.ends_at.isoformat()}


class Silences:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, labels: Mapping[str, str], duration: timedelta, reason: str, author: str) -> Silence:
        """A silence from now on. Raises SilenceError: it names no label, has no reason, or ends at once or too late."""
        if not labels:
            raise SilenceError("A silence needs at least one label, such as service=evolution: it may not mute all.")
        if not reason.strip():
            raise SilenceError("A silence needs a reason, for whoever wonders why nothing was heard.")
        if not timedelta() < duration <= LONGEST:
            raise SilenceError("A silence must last for more than no time and at most a year.")
        now = self._now()
        row = SilenceRow(
            id=f"silence-{secrets.token_hex(6)}",
            labels=dict(labels),
            reason=reason.strip(),
            author=author,
            created_at=now,
            ends_at=now + duration,
            ended_early=False,
        )
        made = _read(row)
        self._database.write(lambda session: session.merge(row))
        return made

    def end(self, silence_id: str) -> Silence:
        """The silence, over from now on; one that is over already stays as it was. Raises SilenceError: no such one."""

        def work(session: Session) -> Silence:
            row = session.get(SilenceRow, silence_id, with_for_update=True)
            if row is None:
                raise SilenceError(f"There is no silence {silence_id}; `airflow dean metrics silence list` shows them.")
            now = self._now()
            if row.ends_at > now:
                row.ends_at, row.ended_early = now, True
            return _read(row)

        return self._database.write(work)

    def list(self, *, ended: bool = False) -> list[Silence]:
        """Those in force, the one that ends first first; with `ended` also those that are over."""
        now = self._now()
        statement = select(SilenceRow).order_by(SilenceRow.ends_at, SilenceRow.id)
        if not ended:
            statement = statement.where(SilenceRow.ends_at > now)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])


def silences_in_force(session: Session, now: datetime) -> list[Silence]:
    statement = select(SilenceRow).where(SilenceRow.ends_at > now).order_by(SilenceRow.id)
    return [_read(row) for row in session.scalars(statement)]


def _read(row: SilenceRow) -> Silence:
    return Silence(row.id, row.labels, row.reason, row.author, row.created_at, row.ends_at, row.ended_early)
