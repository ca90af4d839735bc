"""The hub, one situation at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.listener import QUEUE, TOO_SLOW, End, Listener
from dean_airflow.feed.source import NotThere, UnknownTopic

from .shelf import STORE, HandClock, Pauses, Shelf, anything, at_once, settle

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def shelf() -> Shelf:
    return Shelf("t1", "t2")


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def hub(shelf: Shelf) -> Hub:
    return Hub(STORE, shelf, at_once, HandClock())


@pytest.fixture
def halting(shelf: Shelf, pauses: Pauses) -> Hub:
    """A hub whose threads stand still until they are let go on."""
    return Hub(STORE, shelf, pauses.run, HandClock())


async def told(listener: Listener) -> list[Any]:
    """What it hears until there is nothing more: a frame's type with its items."""
    frames = []
    while listener.waiting or listener.ended:
        news = await listener.next()
        if isinstance(news, End):
            return [*frames, news.code]
        frames.append((news.type, news.data["items"]) if "items" in news.data else news.type)
    return frames


async def write(hub: Hub, shelf: Shelf, topic: str = "t1", lane: int = 0) -> None:
    shelf.write(topic, lane)
    hub.touch({topic})
    await hub.look()


async def test_first_a_snapshot_then_what_is_new(hub: Hub, shelf: Shelf) -> None:
    shelf.write("t1")
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", None, anything)
        await write(hub, shelf, lane=3)

        assert await told(listener) == [("snapshot", [(0, 0)]), "live", ("progress", [(3, 0)])]


async def test_a_position_is_gone_on_from(hub: Hub, shelf: Shelf) -> None:
    for _ in range(3):
        shelf.write("t1")
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", "0badcafe.1", anything)

        assert await told(listener) == [("progress", [(0, 1), (0, 2)]), "live"]


async def test_who_missed_nothing_is_told_nothing(hub: Hub, shelf: Shelf) -> None:
    shelf.write("t1")
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", "0badcafe.1", anything)

        assert await told(listener) == ["live"]


@pytest.mark.parametrize("after", ["", "deadbeef.1", "junk", "0badcafe.9", "0badcafe.1.1:5", "0badcafe.1.2.3"])
async def test_a_position_that_cannot_be_gone_on_from_gives_a_snapshot(hub: Hub, shelf: Shelf, after: str) -> None:
    shelf.write("t1")
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", after, anything)

        assert await told(listener) == [("snapshot", [(0, 0)]), "live"]


async def test_a_position_that_another_process_told_is_caught_up_with(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as first, hub.attached(Listener()) as second:
        await hub.subscribe(first, "t1", None, anything)
        shelf.write("t1")  # nobody has looked yet
        await hub.subscribe(second, "t1", "0badcafe.1", anything)
        await write(hub, shelf)

        assert (await told(first))[2:] == [("progress", [(0, 0)]), ("progress", [(0, 1)])]
        assert await told(second) == ["live", ("progress", [(0, 1)])]


async def test_what_comes_while_a_replay_is_read_follows_it(halting: Hub, shelf: Shelf, pauses: Pauses) -> None:
    pauses.open = True
    with halting.attached(Listener()) as watching, halting.attached(Listener()) as back:
        await halting.subscribe(watching, "t1", None, anything)
        for _ in range(2):
            await write(halting, shelf)
        pauses.open = False
        replay = asyncio.create_task(halting.subscribe(back, "t1", "0badcafe.1", anything))
        await settle()
        waiting, pauses.waiting, pauses.open = pauses.waiting, [], True
        await write(halting, shelf)
        assert not back.waiting
        for one in waiting:
            one.set_result(None)
        await replay

        assert await told(back) == [("progress", [(0, 1)]), "live", ("progress", [(0, 2)])]


async def test_two_looks_at_once_tell_nothing_twice(halting: Hub, shelf: Shelf, pauses: Pauses) -> None:
    pauses.open = True
    with halting.attached(Listener()) as listener:
        await halting.subscribe(listener, "t1", None, anything)
        shelf.write("t1")
        pauses.open = False
        looks = []
        for _ in range(2):
            halting.touch(None)
            looks.append(asyncio.create_task(halting.look()))
            await settle()
        while pauses.waiting:
            pauses.release(0)
            await settle()
        await asyncio.gather(*looks)

        assert await told(listener) == [("snapshot", []), "live", ("progress", [(0, 0)])]


async def test_many_who_come_back_at_once_are_told_from_one_reading(halting: Hub, shelf: Shelf, pauses: Pauses) -> None:
    listeners = [Listener() for _ in range(50)]
    shelf.write("t1")
    tasks = [asyncio.create_task(halting.subscribe(one, "t1", None, anything)) for one in listeners]
    await settle()
    while pauses.waiting:
        pauses.release(0)
        await settle()
    await asyncio.gather(*tasks)

    assert shelf.reads <= 2
    assert [await told(one) for one in listeners] == [[("snapshot", [(0, 0)]), "live"]] * 50


async def test_a_slow_client_is_dropped_with_a_reason_and_the_others_hear_all(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as slow, hub.attached(Listener()) as quick:
        heard = []
        for one in (slow, quick):
            await hub.subscribe(one, "t1", None, anything)
        for _ in range(QUEUE + 5):
            await write(hub, shelf)
            heard += await told(quick)

        assert await told(slow) == [TOO_SLOW]
        assert [item for kind, items in (one for one in heard if one != "live") for item in items] == [
            (0, number) for number in range(QUEUE + 5)
        ]
        assert (hub.dropped, slow in hub.listeners, quick in hub.listeners) == (1, False, True)


async def test_a_long_replay_does_not_count_as_being_slow(hub: Hub) -> None:
    listener = Listener(limit=3)
    listener.hold("t1")
    listener.release("t1", [Frame("progress", "t1")] * 50)

    assert all(listener.offer(Frame("progress", "t1")) for _ in range(3))
    assert not listener.offer(Frame("progress", "t1"))


async def test_nobody_hears_of_what_they_gave_up(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as listener:
        for topic in ("t1", "t2"):
            await hub.subscribe(listener, topic, None, anything)
        await told(listener)
        await write(hub, shelf)
        hub.unsubscribe(listener, "t1")
        await write(hub, shelf)
        await write(hub, shelf, "t2")

        assert await told(listener) == [("progress", [(0, 0)])]
        assert hub.topics == {"t2"}
    assert hub.topics == frozenset()


async def test_subscribing_again_starts_from_there(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", None, anything)
        await write(hub, shelf)
        await hub.subscribe(listener, "t1", None, anything)

        assert await told(listener) == [("snapshot", [(0, 0)]), "live"]


async def test_a_topic_that_goes_says_so_and_can_come_again(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", None, anything)
        items = shelf.topics.pop("t1")
        hub.touch(None)
        await hub.look()

        assert await told(listener) == [("snapshot", []), "live", "removed"]
        with pytest.raises(NotThere):
            await hub.subscribe(listener, "t1", None, anything)
        assert hub.topics == frozenset()
        shelf.topics["t1"] = items
        await hub.subscribe(listener, "t1", None, anything)
        assert await told(listener) == [("snapshot", []), "live"]


async def test_what_is_none_and_what_one_may_not_see_is_refused(hub: Hub) -> None:
    async def nothing(dag: str | None) -> bool:
        return False

    with hub.attached(Listener()) as listener:
        with pytest.raises(UnknownTopic):
            await hub.subscribe(listener, "nonsense", None, anything)
        with pytest.raises(NotThere):
            await hub.subscribe(listener, "t1", None, nothing)
        assert (listener.waiting, hub.topics) == (0, frozenset())


async def test_a_store_that_fails_while_subscribing_leaves_nothing_behind(hub: Hub, shelf: Shelf) -> None:
    shelf.broken = True
    with hub.attached(Listener()) as listener:
        with pytest.raises(StoreError):
            await hub.subscribe(listener, "t1", None, anything)
        assert hub.topics == frozenset()
        shelf.broken = False
        await hub.subscribe(listener, "t1", None, anything)
        assert await told(listener) == [("snapshot", []), "live"]


async def test_what_was_written_while_the_store_was_away_is_told_once_it_is_back(hub: Hub, shelf: Shelf) -> None:
    with hub.attached(Listener()) as listener:
        await hub.subscribe(listener, "t1", None, anything)
        await told(listener)
        shelf.broken = True
        with pytest.raises(StoreError):
            await write(hub, shelf)
        hub.in_trouble("away")
        hub.in_trouble("still away")
        shelf.broken = False
        assert await hub.look() == 1
        hub.in_trouble(None)

        assert await told(listener) == ["error", ("progress", [(0, 0)]), "live"]


async def test_reading_without_listening(hub: Hub, shelf: Shelf) -> None:
    shelf.write("t1")
    first, position = await hub.read("t1", None, anything)
    shelf.write("t1")
    second, after = await hub.read("t1", position, anything)
    third, _ = await hub.read("t1", after, anything)

    assert [frame.type for frame in (*first, *second)] == ["snapshot", "progress"]
    assert (second[0].data["items"], third, hub.topics) == ([(0, 1)], [], frozenset())
    with pytest.raises(NotThere):
        await hub.read("t9", None, anything)
