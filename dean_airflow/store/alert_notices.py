"""Notices: the changes of alerts somebody is to be told of, until everybody was.

A notice is written in the transaction of its change, so a process that dies in between owes it still. Telling may
happen twice, never not at all; a notice's key is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from dean_airflow.store.alert_models import AlertDeliveryRow, AlertNoticeRow
from dean_airflow.store.database import Database


@dataclass(frozen=True)
class Notice:
    """One change of one alert. Notices of one `batch` are told together; `alert` is the alert as JSON-able data."""

    key: str
    batch: str
    fingerprint: str
    state: str
    group_labels: dict[str, str]
    alert: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """What became of one notice at one receiver."""

    key: str
    receiver: str
    attempts: int
    delivered_at: datetime | None
    run: str
    error: str


class Notices:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def open(self, limit: int = 1000) -> list[Notice]:
        """Those that are not closed yet, the oldest first."""
        statement = (
            select(AlertNoticeRow)
            .where(AlertNoticeRow.closed_at.is_(None))
            .order_by(AlertNoticeRow.created_at, AlertNoticeRow.key)
            .limit(limit)
        )
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def count_open(self) -> int:
        statement = select(func.count()).select_from(AlertNoticeRow).where(AlertNoticeRow.closed_at.is_(None))
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def recent(self, limit: int = 100) -> list[Notice]:
        """The newest first, closed or not."""
        statement = select(AlertNoticeRow).order_by(AlertNoticeRow.created_at.desc(), AlertNoticeRow.key).limit(limit)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def deliveries(self, keys: Iterable[str]) -> dict[tuple[str, str], Delivery]:
        """What is known of these notices, by key and receiver."""
        statement = select(AlertDeliveryRow).where(AlertDeliveryRow.key.in_(tuple(keys)))
        rows = self._database.read(lambda session: list(session.scalars(statement)))
        return {
            (row.key, row.receiver): Delivery(row.key, row.receiver, row.attempts, row.delivered_at, row.run, row.error)
            for row in rows
        }

    def delivered_by(self, receiver: str, run: str) -> list[Notice]:
        """What this run has marked as told to the receiver, in an attempt that may not have lived to tell it."""
        statement = (
            select(AlertNoticeRow)
            .join(AlertDeliveryRow, AlertDeliveryRow.key == AlertNoticeRow.key)
            .where(AlertDeliveryRow.receiver == receiver, AlertDeliveryRow.run == run)
            .order_by(AlertNoticeRow.created_at, AlertNoticeRow.key)
        )
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def record(self, keys: Sequence[str], receiver: str, *, run: str = "", error: str = "") -> None:
        """An attempt to tell the receiver of these notices: it was told, unless there is an `error`."""

        told = None if error else self._now()

        def work(session: Session) -> None:
            statement = select(AlertDeliveryRow).where(
                AlertDeliveryRow.receiver == receiver, AlertDeliveryRow.key.in_(keys)
            )
            known = {row.key: row for row in session.scalars(statement.with_for_update())}
            for row in known.values():
                row.attempts += 1
                row.error, row.run = error, run
                row.delivered_at = row.delivered_at or told
            session.add_all(
                AlertDeliveryRow(key=key, receiver=receiver, attempts=1, error=error, run=run, delivered_at=told)
                for key in keys
                if key not in known
            )

        self._database.write(work)

    def close(self, keys: Iterable[str]) -> None:
        """Nothing more is owed for these."""
        statement = (
            update(AlertNoticeRow)
            .where(AlertNoticeRow.key.in_(tuple(keys)), AlertNoticeRow.closed_at.is_(None))
            .values(closed_at=self._now())
        )
        self._database.write(lambda session: session.execute(statement))


def insert_notices(session: Session, notices: Sequence[Notice]) -> None:
    """Adds those whose key is new, in the caller's transaction."""
    if not notices:
        return
    keys = [notice.key for notice in notices]
    known = set(session.scalars(select(AlertNoticeRow.key).where(AlertNoticeRow.key.in_(keys))))
    new = [asdict(notice) for notice in notices if notice.key not in known]
    if new:
        session.execute(insert(AlertNoticeRow), new)


def _read(row: AlertNoticeRow) -> Notice:
    return Notice(row.key, row.batch, row.fingerprint, row.state, row.group_labels, row.alert, row.created_at)
