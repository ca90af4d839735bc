"""Signals: waiting until another process has written to the store, without asking it over and over.

PostgreSQL says so itself (LISTEN), by topic. SQLite is asked for the number of its last change, which reads a few bytes
of shared memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Any

from sqlalchemy import Connection

from dean_airflow.errors import StoreError
from dean_airflow.store.database import Database

CHANNEL = "dean_feed"
LOOK_SECONDS = 0.05
"""Between two looks at the number of an SQLite file's last change."""
EVERYTHING = frozenset({"*"})
"""Anything may have changed: what was said while nobody was connected is not known."""


class Signals:
    """One waiter's. Its connection is made when it first waits, and again after the server was away.

    Used by one thread at a time, but for `wake`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._version = -1
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)

    def wait(self, seconds: float) -> frozenset[str]:
        """The topics something was written about since the last call, after at most so many seconds (then: none).

        EVERYTHING for the first time, and where it cannot be told. Raises StoreError: the database does not answer.
        """
        try:
            if self._connection is None:
                self._connection = self._database.apart()
                self._begin()
                return EVERYTHING
            return self._poll(seconds) if self._database.is_sqlite else self._listen(seconds)
        except StoreError:
            self.leave()
            raise
        except Exception as error:  # the driver's own: nothing wraps what is asked of its connection directly
            self.leave()
            raise self._database.failure(error) from error

    def wake(self) -> None:
        """Ends a `wait` of another thread at once."""
        with contextlib.suppress(OSError):
            os.write(self._waker, b"!")

    def leave(self) -> None:
        """Gives the connection up; the next `wait` makes one again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be broken already
                connection.close()

    def close(self) -> None:
        self.leave()
        for end in (self._woken, self._waker):
            with contextlib.suppress(OSError):
                os.close(end)

    @property
    def _driver(self) -> Any:
        assert self._connection is not None
        return self._connection.connection.dbapi_connection

    def _begin(self) -> None:
        if self._database.is_sqlite:
            self._version = self._data_version()
            return
        self._driver.autocommit = True
        with self._driver.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def _data_version(self) -> int:
        return int(self._driver.execute("PRAGMA data_version").fetchone()[0])

    def _poll(self, seconds: float) -> frozenset[str]:
        deadline = time.monotonic() + seconds
        while True:
            version = self._data_version()
            if version != self._version:
                self._version = version
                return EVERYTHING
            left = deadline - time.monotonic()
            if left <= 0 or self._asleep([], min(left, LOOK_SECONDS)):
                return frozenset()

    def _listen(self, seconds: float) -> frozenset[str]:
        heard = self._notices()
        if not heard and not self._asleep([self._driver], seconds):
            heard = self._notices()
        return heard

    def _notices(self) -> frozenset[str]:
        self._driver.poll()
        heard = frozenset(notice.payload for notice in self._driver.notifies)
        self._driver.notifies.clear()
        return heard

    def _asleep(self, readable: list[Any], seconds: float) -> bool:
        """Whether somebody woke this waiter, who sleeps until then, until there is something to read, or so long."""
        poll = select.poll()  # not select(), which knows no descriptor above 1023
        for one in (self._woken, *readable):
            poll.register(one, select.POLLIN)
        ready = {number for number, _ in poll.poll(1000 * seconds)}
        if self._woken not in ready:
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 1024)
        return True
