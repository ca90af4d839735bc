"""Connections and transactions: the only place that opens either, so forks, locks and lost servers are met once."""

from __future__ import annotations

import logging
import os
import random
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, StatementError, TimeoutError
from sqlalchemy.orm import Session

from dean_airflow.errors import StoreError
from dean_airflow.store.faults import diagnose, shown

T = TypeVar("T")

log = logging.getLogger(__name__)

BUSY_SECONDS = 5
"""How long SQLite itself waits for a lock before it says busy; after that we retry."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two attempts: doubled from the first to the longest, each with jitter."""
RACES = 5
"""How often a row written first by a rival is read again before that counts as an error."""


class Database:
    """One engine. `patience` is for how many seconds transient faults (locked, connection lost) are retried."""

    def __init__(self, url: str, patience: float) -> None:
        self.url = _usable(url)
        self.patience = patience
        self._engine = self._create()
        self._writing = self._engine.execution_options(dean_writing=True)
        _open.add(self)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def read(self, work: Callable[[Session], T], *, patience: float | None = None) -> T:
        """`work`'s result, from one transaction that writes nothing. Raises StoreError.

        `patience` overrides the database's own, for those who would rather do without than wait.
        """
        return self._persist(lambda: self._within(self._engine, work), patience)

    def write(self, work: Callable[[Session], T], *, patience: float | None = None) -> T:
        """`work`'s result, once all it wrote is committed; on any exception none of it is. Raises StoreError.

        After a lost connection `work` runs again, and nobody can know whether the first time was committed: it must
        give the same state when run twice.
        """
        return self._persist(lambda: self._within(self._writing, work), patience)

    def autocommit(self, work: Callable[[Connection], T]) -> T:
        """`work`'s result; its statements run outside a transaction (vacuum, pragmas). Raises StoreError."""

        def attempt() -> T:
            options = {"dean_bare": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
            with self._engine.connect() as connection:
                return work(connection.execution_options(**options))

        return self._persist(attempt)

    def apart(self) -> Connection:
        """A connection of the caller's own, outside the pool, to be closed by the caller. Raises StoreError."""

        def attempt() -> Connection:
            connection = self._engine.connect()
            connection.detach()
            return connection

        return self._persist(attempt, 0.0)

    def failure(self, error: Exception) -> StoreError:
        """What a driver's error on a connection that was taken `apart` means."""
        wrapped = DBAPIError.instance(None, None, error, self._engine.dialect.loaded_dbapi.Error)
        if not isinstance(wrapped, DBAPIError):
            return StoreError(f"The store {shown(self.url)} failed: {error}.")
        return StoreError(diagnose(wrapped, self.url).sentence)

    def close(self) -> None:
        _open.discard(self)
        self._engine.dispose()

    def leave_to_parent(self) -> None:
        """In a forked child: use none of the parent's connections, and close none of them either."""
        _inherited.append(self._engine.pool)
        self._engine.dispose(close=False)

    def _create(self) -> Engine:
        options: dict[str, Any] = {"pool_size": 2, "max_overflow": 8, "pool_timeout": 30}
        if self.is_sqlite:
            options["connect_args"] = {"timeout": BUSY_SECONDS}
        else:
            options["pool_pre_ping"] = True
            defaults = {"connect_timeout": 10, "application_name": "dean"}
            options["connect_args"] = {name: value for name, value in defaults.items() if name not in self.url.query}
        try:
            engine = create_engine(self.url, **options)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"The store {shown(self.url)} needs a driver that is not installed ({error.name}); "
                "install it with: pip install 'dean-airflow[postgres]'."
            ) from error
        except (ArgumentError, NoSuchModuleError, TypeError) as error:
            raise StoreError(f"The URL of the store is not usable: {error}.") from error
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    @staticmethod
    def _within(engine: Engine, work: Callable[[Session], T]) -> T:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def _persist(self, attempt: Callable[[], T], patience: float | None = None) -> T:
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        pause, races = FIRST_PAUSE, 0
        while True:
            try:
                return attempt()
            except (DBAPIError, TimeoutError) as error:
                fault = diagnose(error, self.url)
                races += fault.race
                again = fault.race and races <= RACES
                if not again and not (fault.transient and time.monotonic() + pause < deadline):
                    raise StoreError(fault.sentence) from error
                log.info("trying the store again: %s", fault.sentence)
            except StatementError as error:  # a value its column cannot hold: what the caller did wrong
                raise error.orig or error from None
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)


_open: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[Pool] = []


def _after_fork_in_child() -> None:
    for database in list(_open):
        database.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork_in_child)


def _usable(text: str) -> URL:
    """The URL with its driver spelt out and an absolute path; the folder of an SQLite file is made."""
    try:
        url = make_url(text)
        backend = {"postgres": "postgresql"}.get(url.get_backend_name(), url.get_backend_name())
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "The URL of the store does not parse; it must look like sqlite:////folder/dean.db "
            "or postgresql://user:password@host/database."
        ) from error
    if backend == "postgresql" and url.drivername in ("postgres", "postgresql", "postgresql+psycopg2"):
        return url.set(drivername="postgresql+psycopg2")
    if backend != "sqlite" or url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(f"The store cannot be kept in {url.drivername!r}; use sqlite or postgresql.")
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise StoreError("The URL of the store names no file; use sqlite:////folder/dean.db.")
    path = Path(url.database).expanduser().absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {path.parent} of the store cannot be made: {error.strerror}.") from error
    return url.set(drivername="sqlite+pysqlite", database=str(path))


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own: see _begin_sqlite
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this loses no consistency, and at most the last commits when the machine loses power.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("dean_bare"):
        return
    # A transaction that reads first and writes later would fail, not wait, when another one wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("dean_writing") else "BEGIN")
