"""The store as the web server holds it: opened at the first question, used by all, waited for on threads of its own.

A store that does not answer keeps DEAN's few threads waiting, never those that Airflow's own routes run on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.config import Settings
from dean_airflow.errors import StoreError
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store

T = TypeVar("T")

PATIENCE = 4.0
"""Seconds for which a store that is busy or lost is waited for."""
NOT_ASKED_SECONDS = 1.0
"""For how long a store that could not be opened is not tried again: who waited for the try gets its answer."""
TRUSTED_SECONDS = 30.0
"""For how long the settings and the connection, which name the store, are not read again."""


class Stored:
    """`await stored(work)` is `work(store)`. Raises StoreError, or ConfigurationError where settings are unusable."""

    def __init__(self) -> None:
        self.threads = Threads()
        self._opening = threading.Lock()
        self._store: Store | None = None
        self._url = ""
        self._failed: StoreError | None = None
        self._failed_at = 0.0
        self._settings: Settings | None = None
        self._read_at = 0.0

    async def __call__(self, work: Callable[[Store], T]) -> T:
        return await self.threads(lambda: work(self.store()))

    async def settings(self) -> Settings:
        return await self.threads(self._current)

    def store(self) -> Store:
        """The open store, for whoever may wait."""
        settings = self._current()
        with self._opening:
            if self._store is not None and self._url == settings.store:
                return self._store
            if self._failed is not None and time.monotonic() - self._failed_at < NOT_ASKED_SECONDS:
                raise StoreError(str(self._failed))
            try:
                opened = Store.open(settings.store, patience=PATIENCE)
            except StoreError as error:
                self._failed, self._failed_at = error, time.monotonic()
                raise
            self._failed = None
            if self._store is not None:
                self._store.close()
            self._store, self._url = opened, settings.store
            return opened

    def _current(self) -> Settings:
        now = time.monotonic()
        if self._settings is None or now - self._read_at > TRUSTED_SECONDS:
            self._settings, self._read_at = settings_in_process(), now
        return self._settings

    def close(self) -> None:
        """Ends the threads and closes the store; the next question opens it again."""
        self.threads.close()
        self.threads = Threads()
        with self._opening:
            if self._store is not None:
                self._store.close()
            self._store, self._url = None, ""
