"""The parts of a server that keep something: API keys that are looked up, an audit that is written down."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from dean_airflow.errors import StoreError
from dean_airflow.services.server.audit import Deed
from dean_airflow.services.server.caller import Caller, all_roles
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.api_keys import ApiKeys
from dean_airflow.store.audit import AuditLog

log = logging.getLogger(__name__)

TRUSTED_SECONDS = 5.0
"""For how long a key found good is not looked up again: as long as a revoked one may still be used."""
REMEMBERED = 1_000
WRITTEN_EVERY = 1.0
"""Seconds of deeds that are written at once, equal ones as one row."""
KINDS_AT_ONCE = 1_000
"""Different deeds kept between two writes; the rest of a flood is counted in one row."""


class KeyFinder:
    """Looks API keys up in the store, those found lately excepted."""

    def __init__(self, keys: ApiKeys, threads: Threads, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._threads, self._clock = keys, threads, clock
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def __call__(self, key: str) -> Caller | None:
        digest = hashlib.sha256(key.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() - known[0] < TRUSTED_SECONDS:
            return known[1]
        self._known.pop(digest, None)
        found = await self._threads(self._keys.find, key)
        if found is None:
            return None
        caller = Caller(
            name=found.id,
            user=found.name,
            roles=all_roles(tuple(found.roles)),
            credential="api_key",
            credential_id=found.id,
            expires_at=found.expires_at,
        )
        self._known[digest] = (self._clock(), caller)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller


class StoredAudit:
    """Counts deeds as they are done and writes them once a second. What cannot be written yet is kept for later."""

    def __init__(self, audit: AuditLog, threads: Threads) -> None:
        self._audit, self._threads = audit, threads
        self._pending: Counter[tuple[str, str, str, str]] = Counter()

    def record(self, deed: Deed) -> None:
        key = (deed.action, deed.user, deed.resource, deed.outcome)
        if key not in self._pending and len(self._pending) >= KINDS_AT_ONCE:
            key = (deed.action, "…", "more than are listed one by one", deed.outcome)
        self._pending[key] += 1

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Writes what is pending; a store that does not answer leaves it pending."""
        if not self._pending:
            return
        counted, self._pending = self._pending, Counter()
        try:
            await self._threads(self._audit.add_all, dict(counted))
        except StoreError as error:
            log.warning("The audit could not be written yet: %s", error)
            self._pending.update(counted)
