"""Leases: at most one process writes for an island, and one that lost its lease finds out before it writes.

The token fences, the expiry does not: a process whose lease ran out may go on until another one has acquired it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import LeaseHeld
from dean_airflow.store.database import Database
from dean_airflow.store.fence import require_lease, require_live_trial
from dean_airflow.store.models import LeaseRow


@dataclass(frozen=True)
class Lease:
    """`token` grows with each acquisition of the island; `ttl` is what one renewal lasts."""

    trial_id: str
    island: int
    owner: str
    token: int
    ttl: timedelta
    expires_at: datetime


class Leases:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def acquire(self, trial_id: str, island: int, owner: str, ttl: timedelta) -> Lease:
        """The lease of an island, with a new token.

        `owner` names the task, the same for all of its attempts: a retry takes over at once from the attempt before
        it, anyone else only once the lease is released or expired. Raises TrialNotFound, TrialCancelled (the
        trial is final), LeaseHeld (another owner has it).
        """

        def work(session: Session) -> Lease:
            require_live_trial(session, trial_id)
            now = self._now()
            row = session.get(LeaseRow, (trial_id, island), with_for_update=True)
            if row is None:
                row = LeaseRow(trial_id=trial_id, island=island, token=0, owner=owner, acquired_at=now)
                session.add(row)
            elif row.owner != owner and not row.released and row.expires_at > now:
                raise LeaseHeld(
                    f"Island {island} of trial {trial_id} is being worked on by {row.owner} "
                    f"until {row.expires_at:%H:%M:%S} UTC; try again after that."
                )
            row.token += 1
            row.owner, row.acquired_at, row.expires_at, row.released = owner, now, now + ttl, False
            session.flush()
            return Lease(trial_id, island, owner, row.token, ttl, row.expires_at)

        return self._database.write(work)

    def renew(self, lease: Lease) -> Lease:
        """The lease, good for its ttl from now. Raises TrialNotFound, TrialCancelled, LeaseLost."""

        def work(session: Session) -> Lease:
            row = require_lease(session, lease)
            row.expires_at = self._now() + lease.ttl
            return Lease(lease.trial_id, lease.island, lease.owner, lease.token, lease.ttl, row.expires_at)

        return self._database.write(work)

    def release(self, lease: Lease) -> None:
        """Gives the island up; one that was taken over meanwhile stays with its new holder."""

        def work(session: Session) -> None:
            row = session.get(LeaseRow, (lease.trial_id, lease.island), with_for_update=True)
            if row is not None and row.token == lease.token:
                row.released = True

        self._database.write(work)

    def active(self, trial_id: str) -> list[Lease]:
        """Leases neither released nor expired, by island: who may still be at work. Their `ttl` is what is left."""
        now = self._now()
        statement = (
            select(LeaseRow)
            .where(LeaseRow.trial_id == trial_id, LeaseRow.released.is_(False), LeaseRow.expires_at > now)
            .order_by(LeaseRow.island)
        )
        return self._database.read(
            lambda session: [
                Lease(row.trial_id, row.island, row.owner, row.token, row.expires_at - now, row.expires_at)
                for row in session.scalars(statement)
            ]
        )
