"""What both stand-alone servers stand on: keys, audit, bounds and threads over one store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dean_airflow.config import Settings
from dean_airflow.services.server.access import Credentials
from dean_airflow.services.server.application import Bounds
from dean_airflow.services.server.keyring import Keyring
from dean_airflow.services.server.limits import SocketLimit
from dean_airflow.services.server.sockets import SocketAccess
from dean_airflow.services.server.stored import KeyFinder, StoredAudit
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store

STORE_PATIENCE = 5.0
"""Seconds a server waits for a store that does not answer, before it tells its caller so."""


@dataclass(frozen=True)
class Standing:
    store: Store
    threads: Threads
    probes: Threads
    """For health alone, which is to be answered also when every other thread waits for the store."""
    credentials: Credentials
    audit: StoredAudit
    access: SocketAccess
    bounds: Bounds

    async def check_store(self) -> None:
        """Raises StoreError when the store does not answer."""
        await self.probes(self.store.trials.count)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Writes the audit; at the end what is left of it, then closes threads and store."""
        writing = asyncio.create_task(self.audit.run())
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await self.audit.flush()
            self.threads.close()
            self.probes.close()
            self.store.close()


def standing(settings: Settings, store: Store, service: str) -> Standing:
    """For the server of this name, which tokens must be meant for. Raises ConfigurationError: no usable signing key."""
    production = settings.environment == "production"
    keyring = Keyring(settings.signing_keys_file, service, production=production)
    threads = Threads()
    credentials = Credentials(keyring.caller, KeyFinder(store.api_keys, threads))
    audit = StoredAudit(store.audit, threads)
    sockets = SocketLimit(settings.server_sockets_per_user, settings.server_sockets)
    return Standing(
        store,
        threads,
        Threads(1),
        credentials,
        audit,
        SocketAccess(credentials, sockets, audit, origins=settings.server_origins),
        Bounds(
            request_bytes=1024 * settings.server_request_kb,
            requests_per_minute=settings.server_requests_per_minute,
            requests_at_once=settings.server_connections,
            origins=settings.server_origins,
        ),
    )
