"""One client's talk with the feed, without a server: time is moved by hand, the wire is a list."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.feed.follower import Follower
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.keeper import Keeper
from dean_airflow.feed.listener import QUEUE, TOO_SLOW, End
from dean_airflow.feed.session import LONGEST_MESSAGE, TOPICS, Session
from dean_airflow.feed.viewer import EXPIRED, FORBIDDEN

from .shelf import STORE, HandClock, Shelf, at_once, settle
from .wires import Visitor, Wire

pytestmark = pytest.mark.anyio


class Words:
    """What a database says: one test's signals."""

    def __init__(self) -> None:
        self.heard: frozenset[str] = frozenset()
        self.broken = False
        self.waits = self.left = 0

    def wait(self, seconds: float) -> frozenset[str]:
        self.waits += 1
        if self.broken:
            raise StoreError("The shelf is away.")
        heard, self.heard = self.heard, frozenset()
        return heard

    def leave(self) -> None:
        self.left += 1


class Stand:
    """A feed with its tasks, on a shelf and a clock of the test's own."""

    def __init__(self) -> None:
        self.shelf, self.clock, self.words = Shelf("t1", "t2"), HandClock(), Words()
        self.hub = Hub(STORE, self.shelf, at_once, self.clock)
        self.keeper = Keeper(self.hub, self.status, at_once)
        self.tasks: list[asyncio.Task[Any]] = []

    def status(self) -> dict[str, Any]:
        if self.shelf.broken:
            raise StoreError("The shelf is away.")
        return {"status": "healthy"}

    async def wait_in_turns(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Instead of a thread that waits for signals: they are looked at ten times a second."""
        await self.clock.sleep(0.1)
        return function(*arguments)

    async def connect(self, viewer: Visitor, *topics: str) -> Wire:
        wire = Wire()
        self.tasks.append(asyncio.create_task(Session(self.hub, self.keeper, viewer, wire).run(topics)))
        await settle()
        return wire


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    running = [
        asyncio.create_task(Follower(stand.hub, stand.words, stand.wait_in_turns).run()),
        asyncio.create_task(stand.keeper.run()),
    ]
    yield stand
    for task in (*running, *stand.tasks):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*running, *stand.tasks, return_exceptions=True)


async def test_greeting_snapshot_and_what_comes(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    first = wire.frames()
    stand.shelf.write("t1")
    stand.words.heard = frozenset({"t1"})
    await stand.clock.move(1)

    assert [frame["type"] for frame in first] == ["connection", "snapshot", "live"]
    assert first[0]["data"] == {"user": "ann", "heartbeat_seconds": 30.0, "topics": ["t1"]}
    assert wire.types() == ["progress"]


async def test_ping_is_answered(stand: Stand) -> None:
    wire = await stand.connect(Visitor())
    await wire.say("ping")

    assert wire.texts[-1] == "pong"


async def test_topics_are_asked_for_and_given_up(stand: Stand) -> None:
    wire = await stand.connect(Visitor())
    stand.shelf.write("t1")
    wire.frames()
    await wire.say({"subscribe": [{"topic": "t1", "after": "0badcafe.1"}, {"topic": "t2"}]})
    assert [(frame["type"], frame["topic"]) for frame in wire.frames()] == [
        ("live", "t1"), ("snapshot", "t2"), ("live", "t2"),
    ]  # fmt: skip
    await wire.say({"unsubscribe": ["t1"]})
    for topic in ("t1", "t2"):
        stand.shelf.write(topic)
    stand.words.heard = frozenset({"*"})
    await stand.clock.move(1)

    assert [frame["topic"] for frame in wire.frames()] == ["t2"]


@pytest.mark.parametrize(
    "said",
    [
        "hello", "[]", "null", "{}", '{"subscribe": 1}', '{"subscribe": []}', '{"subscribe": ["t1"]}', "[" * 9000,
        '{"subscribe": [{"topic": 1}]}', '{"subscribe": [{"topic": "t1", "after": 5}]}', '"<script>"', "",
    ],
)  # fmt: skip
async def test_what_nobody_understands_is_said_to_the_sender_alone(stand: Stand, said: str) -> None:
    wire, other = await stand.connect(Visitor()), await stand.connect(Visitor())
    wire.frames(), other.frames()
    await wire.say(said)

    assert [frame["data"]["code"] for frame in wire.frames()] == ["bad_request"]
    assert (other.texts, wire.closed) == ([], None)


async def test_what_is_not_there(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t9", "nonsense")

    assert [(frame["topic"], frame["data"]["code"]) for frame in wire.frames()[1:]] == [
        ("t9", "not_found"),
        ("nonsense", "unknown_topic"),
    ]


async def test_there_is_an_end_to_topics_and_to_messages(stand: Stand) -> None:
    stand.shelf.topics |= {f"t{number}": stand.shelf.topics["t1"] for number in range(TOPICS + 1)}
    wire = await stand.connect(Visitor())
    await wire.say({"subscribe": [{"topic": f"t{number}"} for number in range(TOPICS + 1)]})
    for _ in range(20):
        await settle()
    assert len(stand.hub.topics) == TOPICS
    assert wire.frames()[-1]["data"]["code"] == "bad_request"
    await wire.say("x" * (LONGEST_MESSAGE + 1))

    assert wire.closed is not None
    assert wire.closed[0] == 1009


async def test_frames_of_a_dag_one_may_not_see_are_not_sent(stand: Stand) -> None:
    wires = [await stand.connect(Visitor(barred=barred), "t1") for barred in (frozenset(), frozenset({"secret"}))]
    for wire in wires:
        wire.frames()
    for dag in ("secret", "open", None, ""):
        stand.hub.publish(Frame("news", "t1", data={"dag": dag}, dag=dag), stand.hub.listeners)
    await settle()

    assert [[frame["data"]["dag"] for frame in wire.frames()] for wire in wires] == [
        ["secret", "open", None, ""],
        ["open", None, ""],
    ]


async def test_a_client_that_reads_nothing_is_dropped_and_nobody_waits_for_it(stand: Stand) -> None:
    stuck, quick = await stand.connect(Visitor(), "t1"), await stand.connect(Visitor(), "t1")
    quick.frames()
    stuck.stuck.clear()
    for _ in range(QUEUE + 3):
        stand.shelf.write("t1")
        stand.hub.touch({"t1"})
        await stand.hub.look()
        await settle()
    await settle()

    assert quick.types() == ["progress"] * (QUEUE + 3)
    assert stuck.closed == (TOO_SLOW, "Too far behind")
    assert stand.tasks[0].done()


async def test_one_that_goes_leaves_nothing_behind(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    await wire.say(None)

    assert stand.tasks[0].done()
    assert (stand.hub.topics, stand.hub.listeners) == (frozenset(), frozenset())


async def test_a_wire_that_breaks_leaves_nothing_behind(stand: Stand) -> None:
    wire, other = await stand.connect(Visitor(), "t1"), await stand.connect(Visitor(), "t1")
    other.frames()
    wire.closed = (1006, "")  # and so each sending fails
    stand.shelf.write("t1")
    stand.words.heard = frozenset({"t1"})
    await stand.clock.move(1)

    assert stand.tasks[0].done()
    assert stand.tasks[0].exception() is None
    assert other.types() == ["progress"]


async def test_status_after_thirty_seconds_without_a_frame(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    await stand.clock.move(20)
    stand.shelf.write("t1")
    stand.words.heard = frozenset({"t1"})
    await stand.clock.move(25)
    assert wire.types() == ["connection", "snapshot", "live", "progress"]
    await stand.clock.move(10)

    assert [frame["data"] for frame in wire.frames()] == [{"status": "healthy"}]


async def test_an_expired_token_ends_the_session(stand: Stand) -> None:
    wire, other = await stand.connect(Visitor(expires_in=90.0), "t1"), await stand.connect(Visitor(), "t1")
    await stand.clock.move(88)
    assert wire.closed is None
    await stand.clock.move(4)

    assert wire.closed == (EXPIRED, "The token has expired")
    assert other.closed is None


async def test_a_permission_that_is_taken_away_ends_the_session(stand: Stand) -> None:
    visitor = Visitor()
    wire = await stand.connect(visitor, "t1")
    await stand.clock.move(150)
    assert (visitor.checks, wire.closed) == (2, None)
    visitor.why = End(FORBIDDEN, "Insufficient permissions")
    await stand.clock.move(60)

    assert wire.closed == (FORBIDDEN, "Insufficient permissions")


async def test_a_store_that_is_away_is_said_once_and_nothing_is_missed(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    wire.frames()
    stand.shelf.broken = stand.words.broken = True
    await stand.clock.move(20)
    assert [(frame["type"], frame["data"]["code"]) for frame in wire.frames()] == [("error", "store")]
    stand.shelf.write("t1")
    stand.shelf.broken = stand.words.broken = False
    stand.words.heard = frozenset({"*"})
    await stand.clock.move(10)

    assert wire.types() == ["progress", "live"]


async def test_a_word_that_was_lost_costs_two_seconds(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    wire.frames()
    stand.shelf.write("t1")
    await stand.clock.move(3)

    assert wire.types() == ["progress"]


async def test_while_nobody_listens_the_store_is_left_alone(stand: Stand) -> None:
    wire = await stand.connect(Visitor(), "t1")
    await wire.say(None)
    await stand.clock.move(1)
    waits, reads = stand.words.waits, stand.shelf.reads
    await stand.clock.move(60)

    assert (stand.words.waits, stand.shelf.reads) == (waits, reads)
    assert stand.words.left > 0
