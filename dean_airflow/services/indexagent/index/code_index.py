"""The index as IndexAgent uses it: one object over where it is kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dean_airflow.config import Settings
from dean_airflow.errors import DeanError
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.services.indexagent.index import searching
from dean_airflow.services.indexagent.index.indexing import Indexed, Indexer
from dean_airflow.services.indexagent.index.searching import Hit, Wanted
from dean_airflow.services.indexagent.index.tables import files, prepare, repositories
from dean_airflow.store.database import Database
from dean_airflow.store.store import Store

PATIENCE = 30.0
FILE = "index.db"


@dataclass(frozen=True)
class Extent:
    """How much is indexed; `failed` names what could not be, with the reason."""

    repositories: int
    files: int
    last_update: datetime | None
    failed: dict[str, str]


class CodeIndex:
    """Usable from several threads. Every method may raise StoreError."""

    def __init__(self, settings: Settings, store: Store, credentials: GitCredentials | None = None) -> None:
        """Opens the index, made where there is none."""
        self._own = store.database.is_sqlite
        self.database = Database(f"sqlite:///{settings.cache_dir / FILE}", PATIENCE) if self._own else store.database
        prepare(self.database)
        self._indexer = Indexer(self.database, settings.cache_dir, store.now, credentials)
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()

    def search(self, wanted: Wanted, limit: int, min_score: float = 0.0) -> tuple[list[Hit], int]:
        """As `searching.search`."""
        return searching.search(self.database, wanted, limit, min_score)

    def index(self, repository: str) -> Indexed:
        """Brings one repository up to date. Raises TargetError."""
        with self._one_at_a_time:
            return self._indexer.bring_up_to_date(repository, self._stopped.is_set)

    def index_all(self, further: list[str]) -> dict[str, str]:
        """Brings all known repositories up to date, and these; the names of those that failed, with the reason."""
        failed = {}
        for repository in dict.fromkeys([*self.names(), *further]):
            if self._stopped.is_set():
                break
            try:
                self.index(repository)
            except DeanError as error:
                failed[repository] = str(error)
        return failed

    def names(self) -> list[str]:
        statement = select(repositories.c.name).order_by(repositories.c.id)
        return self.database.read(lambda session: list(session.scalars(statement)))

    def extent(self) -> Extent:
        def work(session: Session) -> Extent:
            known = session.execute(select(repositories.c.name, repositories.c.indexed_at, repositories.c.error)).all()
            indexed = [row.indexed_at for row in known if row.indexed_at is not None]
            return Extent(
                len(indexed),
                session.scalar(select(func.count()).select_from(files)) or 0,
                max(indexed, default=None),
                {row.name: row.error for row in known if row.error is not None},
            )

        return self.database.read(work)

    def close(self) -> None:
        """Breaks an indexing off, and waits for it."""
        self._stopped.set()
        with self._one_at_a_time:
            if self._own:
                self.database.close()
