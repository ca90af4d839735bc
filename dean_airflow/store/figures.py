"""What the store holds, in a few numbers: for metrics and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dean_airflow.store.fence import FINAL
from dean_airflow.store.maintenance import REMOVED_TRIALS
from dean_airflow.store.metric_models import SeriesRow
from dean_airflow.store.models import EventRow, TrialRow
from dean_airflow.store.store import Store
from dean_airflow.store.tallies import tally


@dataclass(frozen=True)
class StoreFigures:
    """`ever` counts trials made in this store, those removed since included, so it never falls; the rest is what is
    there now. `connections` is None on SQLite, `last_generation` where no unfinished trial has ended one.
    """

    by_status: dict[str, int]
    by_outcome: dict[str, int]
    ever: int
    last_generation: datetime | None
    size_bytes: int
    connections: int | None
    series: int

    @property
    def active(self) -> int:
        return sum(count for status, count in self.by_status.items() if status not in FINAL)


def figures(store: Store) -> StoreFigures:
    """Raises StoreError."""

    def work(session: Session) -> StoreFigures:
        statuses = session.execute(select(TrialRow.status, func.count()).group_by(TrialRow.status))
        by_status = {row[0]: row[1] for row in statuses}
        outcomes = session.execute(
            select(TrialRow.outcome, func.count()).where(TrialRow.outcome.is_not(None)).group_by(TrialRow.outcome)
        )
        newest = (
            select(func.max(EventRow.created_at))
            .join(TrialRow, TrialRow.id == EventRow.trial_id)
            .where(TrialRow.status.not_in(FINAL), EventRow.kind == "generation")
        )
        return StoreFigures(
            by_status=by_status,
            by_outcome={str(row[0]): row[1] for row in outcomes},
            ever=sum(by_status.values()) + (tally(session, REMOVED_TRIALS) or 0),
            last_generation=session.scalar(newest),
            size_bytes=_size(session, store),
            connections=_connections(session, store),
            series=session.scalar(select(func.count()).select_from(SeriesRow)) or 0,
        )

    return store.database.read(work)


def _size(session: Session, store: Store) -> int:
    if not store.database.is_sqlite:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    file = Path(str(store.database.url.database))
    parts = (file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm")))
    return sum(part.stat().st_size for part in parts if part.exists())


def _connections(session: Session, store: Store) -> int | None:
    if store.database.is_sqlite:
        return None
    statement = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    return int(session.scalar(statement) or 0)
