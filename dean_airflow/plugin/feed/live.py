"""The feed of this process: made when the first client comes, so that a web server nobody looks at has none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.config import Settings
from dean_airflow.feed.clock import SystemClock
from dean_airflow.feed.follower import Follower
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.keeper import Keeper
from dean_airflow.feed.services_source import status
from dean_airflow.feed.store_sources import StoreSources
from dean_airflow.services.server.limits import SocketLimit
from dean_airflow.services.server.standing import STORE_PATIENCE
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.signals import Signals
from dean_airflow.store.store import Store


@dataclass(frozen=True)
class Feed:
    store: Store
    threads: Threads
    hub: Hub
    keeper: Keeper
    tasks: tuple[asyncio.Task[None], ...]

    @property
    def alive(self) -> bool:
        return not any(task.done() for task in self.tasks)


class LiveFeed:
    """The feed, as soon as its store is there. `limit` bounds the sockets that are open at once."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._limit: SocketLimit | None = None
        self._feed: Feed | None = None
        self._making = asyncio.Lock()

    async def limit(self) -> SocketLimit:
        """Raises ConfigurationError."""
        settings = await self._known()
        if self._limit is None:
            self._limit = SocketLimit(settings.server_sockets_per_user, settings.server_sockets)
        return self._limit

    async def get(self) -> Feed:
        """Raises ConfigurationError; StoreError where the store does not answer: the next client asks it again."""
        async with self._making:
            if self._feed is None or not self._feed.alive:
                settings = await self._known()
                store = await asyncio.to_thread(lambda: Store.open(settings.store, patience=STORE_PATIENCE))
                self._feed = _started(store)
            return self._feed

    async def _known(self) -> Settings:
        if self._settings is None:
            self._settings = await asyncio.to_thread(settings_in_process)
        return self._settings


def _started(store: Store) -> Feed:
    threads, waiting = Threads(4), Threads(1)
    hub = Hub(store.id, StoreSources(store), threads, SystemClock())
    keeper = Keeper(hub, lambda: status(store), threads)
    signals = Signals(store.database)

    async def follow() -> None:
        try:
            await Follower(hub, signals, waiting).run()
        finally:
            signals.wake()

    return Feed(store, threads, hub, keeper, (asyncio.create_task(follow()), asyncio.create_task(keeper.run())))
