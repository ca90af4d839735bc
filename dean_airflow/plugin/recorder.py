"""The audit of the web server: written to the store soon after, never waited for."""

from __future__ import annotations

import asyncio

from dean_airflow.errors import DeanError
from dean_airflow.plugin.stored import Stored
from dean_airflow.services.server.audit import Deed
from dean_airflow.services.server.stored import StoredAudit


class LateAudit:
    """As StoredAudit, for an app whose start nobody tells it of: it writes as long as there is something to write."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._audit: StoredAudit | None = None
        self._waiting: list[Deed] = []
        self._writing: asyncio.Task[None] | None = None

    def record(self, deed: Deed) -> None:
        self._waiting.append(deed)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        await asyncio.sleep(WRITTEN_AFTER)
        await self.flush()

    async def flush(self) -> None:
        """Writes what is pending; what cannot be written now is written with the next deed."""
        try:
            audit = await self._open()
        except DeanError:
            del self._waiting[:-KEPT]
            return
        for deed in self._waiting:
            audit.record(deed)
        self._waiting.clear()
        await audit.flush()

    async def _open(self) -> StoredAudit:
        if self._audit is None:
            log = await self._stored(lambda store: store.audit)
            self._audit = StoredAudit(log, self._stored.threads)
        return self._audit


WRITTEN_AFTER = 1.0
"""Seconds of deeds that are written at once."""
KEPT = 1000
"""Deeds that wait for a store that does not answer."""
