"""Locks of places: at most one process deploys into a directory, and one that lost its lock finds out before it writes.

The token fences, the expiry does not: a process whose lock ran out may go on until another one has acquired it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dean_airflow.errors import DeploymentLocked, DeploymentLockLost
from dean_airflow.store.database import Database
from dean_airflow.store.deployment_models import DeploymentLockRow


@dataclass(frozen=True)
class DeploymentLock:
    """`token` grows with each acquisition of the place; `ttl` is what one renewal lasts, `owner` a deployment's id."""

    place: str
    owner: str
    token: int
    ttl: timedelta
    expires_at: datetime


class DeploymentLocks:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def acquire(self, place: str, owner: str, ttl: timedelta) -> DeploymentLock:
        """The lock of a place, with a new token.

        `owner` is a deployment's id, the same for all of its tasks and attempts: a retry takes over at once from the
        attempt before it, another deployment only once the lock is released or expired. Raises DeploymentLocked.
        """

        def work(session: Session) -> DeploymentLock:
            now = self._now()
            row = session.get(DeploymentLockRow, place, with_for_update=True)
            if row is None:
                row = DeploymentLockRow(place=place, token=0, owner=owner, acquired_at=now)
                session.add(row)
            elif row.owner != owner and not row.released and row.expires_at > now:
                raise DeploymentLocked(
                    f"{row.owner} is deploying here, with the lock until {row.expires_at:%H:%M:%S} UTC; "
                    "try again when it has ended."
                )
            row.token += 1
            row.owner, row.acquired_at, row.expires_at, row.released = owner, now, now + ttl, False
            session.flush()
            return DeploymentLock(place, owner, row.token, ttl, row.expires_at)

        return self._database.write(work)

    def renew(self, lock: DeploymentLock, ttl: timedelta | None = None) -> DeploymentLock:
        """The lock, good for `ttl` (its own by default) from now. Raises DeploymentLockLost."""

        def work(session: Session) -> DeploymentLock:
            row = require_lock(session, lock)
            row.expires_at = self._now() + (ttl or lock.ttl)
            return DeploymentLock(lock.place, lock.owner, lock.token, lock.ttl, row.expires_at)

        return self._database.write(work)

    def release(self, lock: DeploymentLock) -> None:
        """Gives the place up; one that was taken over meanwhile stays with its new holder."""

        def work(session: Session) -> None:
            row = session.get(DeploymentLockRow, lock.place, with_for_update=True)
            if row is not None and row.token == lock.token:
                row.released = True

        self._database.write(work)

    def holder(self, place: str) -> DeploymentLock | None:
        """The lock if it is neither released nor expired: who may be at work. Its `ttl` is what is left."""

        def work(session: Session) -> DeploymentLock | None:
            row, now = session.get(DeploymentLockRow, place), self._now()
            if row is None or row.released or row.expires_at <= now:
                return None
            return DeploymentLock(place, row.owner, row.token, row.expires_at - now, row.expires_at)

        return self._database.read(work)


def require_lock(session: Session, lock: DeploymentLock) -> DeploymentLockRow:
    """The lock's row, held still until the transaction ends: every write of a deployment begins with it.

    Raises DeploymentLockLost.
    """
    row = session.get(DeploymentLockRow, lock.place, with_for_update=True)
    if row is None or row.token != lock.token or row.released:
        raise DeploymentLockLost(f"The lock of {lock.owner} was taken over by {row.owner if row else 'nobody'}.")
    return row
