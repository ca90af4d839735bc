"""Events: what happened in a trial, in order, for pages and feeds; appended, never changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.fence import UNDER_WAY
from dean_airflow.store.models import EventRow, TrialRow


@dataclass(frozen=True)
class Event:
    """`sequence` counts 1, 2, 3, … within the trial; `kind` says what (trial_started, generation, champion, …)."""

    trial_id: str
    sequence: int
    kind: str
    data: dict[str, Any]
    created_at: datetime


class Events:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def append(self, trial_id: str, kind: str, data: dict[str, Any] | None = None, *, key: str | None = None) -> Event:
        """The event, with its number. With a `key` (≤ 128 characters) that the trial already has: the first one.

        Raises TrialNotFound.
        """
        key = key or secrets.token_hex(8)

        def work(session: Session) -> Event:
            lock = select(TrialRow.id).where(TrialRow.id == trial_id).with_for_update(key_share=True)
            if session.scalar(lock) is None:
                raise TrialNotFound(f"There is no trial {trial_id} in this store.")
            row = session.scalar(select(EventRow).where(EventRow.trial_id == trial_id, EventRow.key == key))
            if row is None:
                last = session.scalar(select(func.max(EventRow.sequence)).where(EventRow.trial_id == trial_id))
                row = EventRow(
                    trial_id=trial_id,
                    sequence=(last or 0) + 1,
                    kind=kind,
                    key=key,
                    data=data or {},
                    created_at=self._now(),
                )
                session.add(row)
            return _read(row)

        return self._database.write(work)

    def since(self, trial_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """At most `limit` events with a sequence above `after`, in order."""
        statement = (
            select(EventRow)
            .where(EventRow.trial_id == trial_id, EventRow.sequence > after)
            .order_by(EventRow.sequence)
            .limit(limit)
        )
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def lively(self, created_since: datetime) -> dict[str, int]:
        """The trials that are not final or were created since, by id, each with its attempt."""
        statement = select(TrialRow.id, TrialRow.attempt).where(
            or_(TrialRow.status.in_(UNDER_WAY), TrialRow.created_at >= created_since)
        )
        return self._database.read(lambda session: {row[0]: row[1] for row in session.execute(statement)})

    def newest(self, trial_ids: Sequence[str]) -> dict[str, int]:
        """The number of the newest event of each of the trials that has any."""
        if not trial_ids:
            return {}
        statement = (
            select(EventRow.trial_id, func.max(EventRow.sequence))
            .where(EventRow.trial_id.in_(trial_ids))
            .group_by(EventRow.trial_id)
        )
        return self._database.read(lambda session: {row[0]: row[1] for row in session.execute(statement)})


def _read(row: EventRow) -> Event:
    return Event(row.trial_id, row.sequence, row.kind, row.data, row.created_at)
