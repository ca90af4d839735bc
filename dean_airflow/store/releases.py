"""Releases: which one of each service runs at a place, and which ran before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.deployment_locks import DeploymentLock, require_lock
from dean_airflow.store.deployment_models import ReleaseRow


@dataclass(frozen=True)
class Release:
    """`release` is the content's name, `data` what the backend says of it (never a secret), `since` when it came."""

    place: str
    service: str
    directory: str
    release: str
    previous_release: str | None
    deployment_id: str
    data: dict[str, Any]
    since: datetime


class Releases:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def current(self, place: str) -> dict[str, Release]:
        """What runs at a place, by service."""
        statement = select(ReleaseRow).where(ReleaseRow.place == place).order_by(ReleaseRow.service)
        return self._database.read(lambda session: {row.service: _read(row) for row in session.scalars(statement)})

    def all(self) -> Sequence[Release]:
        """What runs anywhere, by directory and service."""
        statement = select(ReleaseRow).order_by(ReleaseRow.directory, ReleaseRow.service)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def put(
        self,
        lock: DeploymentLock,
        service: str,
        *,
        directory: str,
        release: str,
        previous_release: str | None,
        deployment_id: str,
        data: dict[str, Any] | None = None,
    ) -> Release:
        """This release runs now. Raises DeploymentLockLost."""

        def work(session: Session) -> Release:
            require_lock(session, lock)
            row = ReleaseRow(
                place=lock.place,
                service=service,
                directory=directory,
                release=release,
                previous_release=previous_release,
                deployment_id=deployment_id,
                data=data or {},
                since=self._now(),
            )
            return _read(session.merge(row))

        return self._database.write(work)

    def remove(self, lock: DeploymentLock, service: str) -> None:
        """Nothing of the service runs any more. Raises DeploymentLockLost."""

        def work(session: Session) -> None:
            require_lock(session, lock)
            row = session.get(ReleaseRow, (lock.place, service))
            if row is not None:
                session.delete(row)

        self._database.write(work)


def _read(row: ReleaseRow) -> Release:
    return Release(
        row.place,
        row.service,
        row.directory,
        row.release,
        row.previous_release,
        row.deployment_id,
        row.data,
        row.since,
    )
