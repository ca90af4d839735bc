"""The feed on a PostgreSQL server that is killed, stopped and started under it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.feed.clock import SystemClock
from dean_airflow.feed.follower import Follower
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.listener import Listener
from dean_airflow.feed.store_sources import StoreSources
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.signals import EVERYTHING, Signals
from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import Producer, open_trial
from tests.resilience.postgres_server import Server, postgres_server

pytestmark = pytest.mark.anyio

LONG = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def hub(server: Server) -> AsyncIterator[Hub]:
    """Followed as in the web server."""
    store, threads, waiting = Store.open(server.url, patience=1.0), Threads(2), Threads(1)
    signals = Signals(store.database)
    hub = Hub(store.id, StoreSources(store), threads, SystemClock())
    following = asyncio.create_task(Follower(hub, signals, waiting).run())
    yield hub
    following.cancel()
    signals.wake()
    await asyncio.gather(following, return_exceptions=True)
    await asyncio.to_thread(waiting.close)
    await asyncio.to_thread(threads.close)
    signals.close()
    store.close()


class Island(threading.Thread):
    """Judges candidates until it is told to stop, whatever becomes of the server."""

    def __init__(self, url: str, trial_id: str) -> None:
        super().__init__()
        self._url, self._trial_id = url, trial_id
        self.stopping = threading.Event()
        self.count = 0

    def run(self) -> None:
        with Store.open(self._url) as store:
            producer = Producer(store, self._trial_id)
            while not self.stopping.is_set():
                producer.evaluate()
                self.count = producer.count


async def anyone(dag: str | None) -> bool:
    return True


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_nothing_is_missed_or_doubled_while_the_server_restarts(server: Server, hub: Hub, mode: str) -> None:
    trial_id = f"trial-{mode}"
    with Store.open(server.url) as store:
        open_trial(store, trial_id)
    frames: list[Frame] = []
    island = Island(server.url, trial_id)

    async def hear(until: int) -> None:
        async with asyncio.timeout(LONG):
            while sum(frame.data.get("evaluations", 0) for frame in frames) < until:
                news = await listener.next()
                assert isinstance(news, Frame), news
                frames.append(news)

    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, f"trial:{trial_id}", None, anyone)
        island.start()
        try:
            await hear(until=10)
            await asyncio.to_thread(server.stop, mode)
            async with asyncio.timeout(LONG):
                while not any(frame.type == "error" for frame in frames):
                    news = await listener.next()
                    assert isinstance(news, Frame), news
                    frames.append(news)
            await asyncio.to_thread(server.start)
            await hear(until=island.count + 10)
        finally:
            island.stopping.set()
            await asyncio.to_thread(island.join)
        await hear(until=island.count)

    with Store.open(server.url) as store:
        events = [event.sequence for event in store.events.since(trial_id)]
        kept = store.evaluations.count(trial_id)
    assert sum(frame.data.get("evaluations", 0) for frame in frames) == kept == island.count
    told = [event["sequence"] for frame in frames for event in frame.data.get("events", ())]
    assert told == events[: len(told)]
    assert [frame.type for frame in frames].count("snapshot") == 1


async def test_what_the_database_says_is_heard_again_after_a_restart(server: Server) -> None:
    with Store.open(server.url, patience=1.0) as store:
        signals = Signals(store.database)
        assert signals.wait(LONG) == EVERYTHING
        server.stop("immediate")
        with pytest.raises(StoreError, match="cannot be reached"):
            signals.wait(LONG)
        with pytest.raises(StoreError, match="cannot be reached"):
            signals.wait(LONG)
        server.start()
        assert signals.wait(LONG) == EVERYTHING
        store.trials.create("trial-heard", {"repository": "r"})

        assert signals.wait(LONG) == {"trials", "trial:trial-heard"}
        signals.close()
