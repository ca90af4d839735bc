"""The daily cleaning: what is old goes, what a stopped trial left is named, the space is given back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.orm import Session

from dean_airflow.store.fence import FINAL
from dean_airflow.store.models import Base, LeaseRow, PatternRow, TrialRow
from dean_airflow.store.store import Store
from dean_airflow.store.tallies import add_to_tally

PATTERNS_AT_MOST = 1000
"""From the service contract, as are the days a pattern is kept."""
REMOVED_TRIALS = "removed_trials"
"""The tally of the trials that are gone."""


def remove_old_trials(store: Store, keep: timedelta) -> list[str]:
    """The ids of the finished trials that ended longer than `keep` ago, now removed with all they recorded.

    Patterns stay. One transaction per trial, so that no island waits long for the cleaning. Raises StoreError.
    """
    ended = select(TrialRow.id).where(TrialRow.status.in_(FINAL), TrialRow.completed_at < store.now() - keep)
    old = store.database.read(lambda session: list(session.scalars(ended.order_by(TrialRow.completed_at))))
    for trial_id in old:
        _remove(store, trial_id)
    return old


def remove_old_patterns(store: Store, keep: timedelta = timedelta(days=90)) -> int:
    """How many patterns went: those not used for `keep`, and the longest unused beyond the limit. Raises StoreError."""

    def work(session: Session) -> int:
        newest = select(PatternRow.id).order_by(PatternRow.last_used_at.desc(), PatternRow.id)
        kept = newest.where(PatternRow.last_used_at >= store.now() - keep).limit(PATTERNS_AT_MOST)
        gone = set(session.scalars(newest)) - set(session.scalars(kept))
        for pattern_id in sorted(gone):
            session.execute(delete(PatternRow).where(PatternRow.id == pattern_id))
        return len(gone)

    return store.database.write(work)


def stopped_trials(store: Store) -> list[str]:
    """The ids of the failed and cancelled trials, newest first: none of them may have left a branch or a clone."""
    statement = (
        select(TrialRow.id)
        .where(TrialRow.status.in_(("failed", "cancelled")))
        .order_by(TrialRow.created_at.desc(), TrialRow.id)
    )
    return store.database.read(lambda session: list(session.scalars(statement)))


def abandoned_trials(store: Store, silent_for: timedelta) -> list[str]:
    """The ids of the unfinished trials nobody holds a lease of and nothing was heard of for so long: their run died."""
    now = store.now()
    at_work = exists().where(LeaseRow.trial_id == TrialRow.id, LeaseRow.released.is_(False), LeaseRow.expires_at > now)
    statement = (
        select(TrialRow.id)
        .where(TrialRow.status.not_in(FINAL), TrialRow.updated_at < now - silent_for, ~at_work)
        .order_by(TrialRow.id)
    )
    return store.database.read(lambda session: list(session.scalars(statement)))


def vacuum(store: Store) -> None:
    """Gives the space of removed rows back to the disk and refreshes the planner's figures. Raises StoreError."""

    def work(connection: Connection) -> None:
        if store.database.is_sqlite:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA optimize")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            for table in sorted(Base.metadata.tables):
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")

    store.database.autocommit(work)


def _remove(store: Store, trial_id: str) -> None:
    """Unless it was taken up again since. Counted, so that the number of trials ever made never falls."""

    def work(session: Session) -> None:
        statement = delete(TrialRow).where(TrialRow.id == trial_id, TrialRow.status.in_(FINAL))
        add_to_tally(session, REMOVED_TRIALS, int(session.connection().execute(statement).rowcount))

    store.database.write(work)
