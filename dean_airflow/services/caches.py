"""Copies of what services said: each kind with one owner, a lifetime, and an event that makes it invalid.

| cache | owner (the only one who fills and invalidates it) | lives | made invalid by |
|---|---|---|---|
| health | `ServiceCaches` | 5 s | a service found vanished or back |
| patterns | `pattern_exchange` | 30 s | an exchange that brought something new |
| index | the step that registers a repository | 3600 s | asking IndexAgent to index |

What is written goes to the store first, and only then is the copy made invalid: by a version in the store that every
process compares before it trusts its copy. If that second write fails, copies elsewhere are wrong no longer than they
live, and nothing lives longer than an hour.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dean_airflow.errors import StoreError
from dean_airflow.services.client_pool import ClientPool
from dean_airflow.services.contract.health import AggregateHealth
from dean_airflow.services.contract.search import IndexStatus
from dean_airflow.store.service_patterns import ServicePattern
from dean_airflow.store.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)

HEALTH, PATTERNS, INDEX = "health", "patterns", "index"
LIFETIMES = {HEALTH: 5.0, PATTERNS: 30.0, INDEX: 3600.0}
"""Seconds. Patterns: half of the minute within which one service's are to be seen by the other."""
LONGEST = 3600.0


@dataclass(frozen=True)
class _Copy(Generic[T]):
    value: T
    version: int
    expires: float


class Cache(Generic[T]):
    """Copies by key, in this process. Concurrent readers of a key that is missing wait for one reading of it."""

    def __init__(
        self, name: str, store: Store, *, lifetime: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`lifetime` in seconds, at most an hour; by default that of the table above. Raises ValueError."""
        self.name = name
        self.lifetime = LIFETIMES[name] if lifetime is None else lifetime
        if not 0 < self.lifetime <= LONGEST:
            raise ValueError(f"a cache lives more than 0 and at most {LONGEST:g} s, not {self.lifetime}")
        self._store = store
        self._clock = clock
        self._copies: dict[str, _Copy[T]] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    async def get(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """The copy of `key` if it is still true, else what `read` gives. Raises what `read` raises.

        Without a store to ask, a copy is trusted as long as it lives.
        """
        async with self._reading.setdefault(key, asyncio.Lock()):
            version = await self._version()
            copy = self._copies.get(key)
            if copy is not None and copy.expires > self._clock() and version in (copy.version, None):
                return copy.value
            expires = self._clock() + self.lifetime
            value = await read()
            # Under the version from before: what was made invalid during the reading is read again.
            self._copies[key] = _Copy(value, version or 0, expires)
            return value

    async def invalidate(self) -> bool:
        """Drops this process's copies and makes all others' invalid; False where the store could not be told."""
        self._copies.clear()
        try:
            await asyncio.to_thread(self._store.cache_versions.advance, self.name)
        except StoreError as error:
            log.warning(
                "Other processes may see old %s for up to %g s, because the store cannot be told: %s",
                self.name, self.lifetime, error,
            )  # fmt: skip
            return False
        return True

    async def _version(self) -> int | None:
        try:
            return await asyncio.to_thread(self._store.cache_versions.current, self.name)
        except StoreError as error:
            log.warning("Whether the copy of %s is still true cannot be found out: %s", self.name, error)
            return None


class ServiceCaches:
    """The three kinds for one pool, each read through its cache."""

    def __init__(self, pool: ClientPool, store: Store) -> None:
        self._pool = pool
        self._store = store
        self._health: Cache[AggregateHealth] = Cache(HEALTH, store)
        self._patterns: Cache[Sequence[ServicePattern]] = Cache(PATTERNS, store)
        self._index: Cache[IndexStatus] = Cache(INDEX, store)

    async def health(self) -> AggregateHealth:
        """How all services are."""
        return await self._health.get("all", self._pool.check_all_services)

    async def offers(self, name: str, capability: str) -> bool:
        """Whether the service of that name says that it offers the extension."""
        known = (await self.health()).services.get(name)
        return known is not None and capability in known.capabilities

    async def health_changed(self) -> None:
        """A service was found to have vanished, or to be back."""
        await self._health.invalidate()

    async def patterns(self) -> Sequence[ServicePattern]:
        """What both services found, highest impact first, as far as it was exchanged. Raises StoreError."""
        return await self._patterns.get("all", lambda: asyncio.to_thread(self._store.service_patterns.list))

    async def patterns_changed(self) -> None:
        """New ones are in the store."""
        await self._patterns.invalidate()

    async def index(self) -> IndexStatus:
        """What IndexAgent has indexed. Raises ServiceError."""
        return await self._index.get("all", lambda: self._pool.indexagent.index_status())

    async def index_changed(self) -> None:
        """IndexAgent was asked to index."""
        await self._index.invalidate()
