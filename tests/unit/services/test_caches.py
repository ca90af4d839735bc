from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.services.caches import LIFETIMES, LONGEST, Cache
from dean_airflow.store.store import Store

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Source:
    """What the service says now, and how often it was asked."""

    def __init__(self) -> None:
        self.value, self.asked = "old", 0

    async def read(self) -> str:
        self.asked += 1
        return self.value


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'dean.db'}") as store:
        yield store


async def test_a_copy_is_used_until_it_has_lived_its_time(store: Store) -> None:
    clock, source = Clock(), Source()
    cache: Cache[str] = Cache("health", store, clock=clock)

    assert [await cache.get("all", source.read) for _ in range(3)] == ["old"] * 3
    source.value = "new"
    clock.time += LIFETIMES["health"] - 0.001
    assert (await cache.get("all", source.read), source.asked) == ("old", 1)
    clock.time += 0.001
    assert (await cache.get("all", source.read), source.asked) == ("new", 2)


async def test_an_event_in_one_process_reaches_the_copies_of_others(store: Store) -> None:
    ours: Cache[str] = Cache("patterns", store)
    theirs: Cache[str] = Cache("patterns", store)
    other: Cache[str] = Cache("index", store)
    source = Source()
    for cache in (ours, theirs, other):
        await cache.get("all", source.read)
    source.value = "new"

    assert await ours.invalidate()
    assert [await cache.get("all", source.read) for cache in (ours, theirs, other)] == ["new", "new", "old"]


async def test_what_is_made_invalid_while_it_is_read_is_read_again(store: Store) -> None:
    cache: Cache[str] = Cache("patterns", store)
    source = Source()

    async def read() -> str:
        value = await source.read()
        if source.asked == 1:
            source.value = "new"
            await Cache[str]("patterns", store).invalidate()
        return value

    assert await cache.get("all", read) == "old"
    assert await cache.get("all", read) == "new"


async def test_readers_at_the_same_time_ask_once(store: Store) -> None:
    cache: Cache[str] = Cache("patterns", store)
    source = Source()
    assert set(await asyncio.gather(*(cache.get("all", source.read) for _ in range(10)))) == {"old"}
    assert source.asked == 1


async def test_an_invalidation_that_fails_expires(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source = Clock(), Source()
    cache: Cache[str] = Cache("index", store, clock=clock)
    await cache.get("all", source.read)
    source.value = "new"

    def refuse(name: str) -> int:
        raise StoreError("The store cannot be reached.")

    monkeypatch.setattr(store.cache_versions, "advance", refuse)
    assert not await Cache[str]("index", store).invalidate()
    assert await cache.get("all", source.read) == "old"
    monkeypatch.setattr(store.cache_versions, "current", refuse)
    assert await cache.get("all", source.read) == "old"
    clock.time += LONGEST
    assert await cache.get("all", source.read) == "new"


def test_nothing_lives_longer_than_an_hour(store: Store) -> None:
    assert max(LIFETIMES.values()) <= LONGEST == 3600.0
    with pytest.raises(ValueError, match="at most 3600"):
        Cache("index", store, lifetime=3600.5)
