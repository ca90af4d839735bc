"""Versions of caches: how one process tells the others that what they keep in memory is no longer true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.saga_models import CacheRow


class CacheVersions:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def current(self, name: str) -> int:
        """The cache's version: 0 until it was first made invalid."""
        row = self._database.read(lambda session: session.get(CacheRow, name))
        return 0 if row is None else row.version

    def advance(self, name: str) -> int:
        """Makes every copy invalid that was filled before; the new version."""

        def work(session: Session) -> int:
            row = session.get(CacheRow, name, with_for_update=True)
            if row is None:
                row = CacheRow(name=name, version=0)
                session.add(row)
            row.version += 1
            row.updated_at = self._now()
            return row.version

        return self._database.write(work)
