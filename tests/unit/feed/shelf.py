"""A store of a test's own for the hub: topics whose items are numbered in lanes, as those of a trial's islands are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dean_airflow.errors import StoreError
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.feed.source import UnknownTopic

STORE = "0badcafe-0000"


@dataclass
class Items:
    """`lanes` counts the items of each lane; those up to `pruned` of lane 0 cannot be told one by one any more."""

    lanes: dict[int, int] = field(default_factory=dict)
    pruned: int = 0

    def all(self) -> set[tuple[int, int]]:
        return {(lane, number) for lane, count in self.lanes.items() for number in range(count)}


class Shelf:
    """`broken` makes everything fail that reads it."""

    def __init__(self, *topics: str) -> None:
        self.topics = {topic: Items() for topic in topics}
        self.broken = False
        self.reads = 0

    def write(self, topic: str, lane: int = 0) -> None:
        if topic in self.topics:
            lanes = self.topics[topic].lanes
            lanes[lane] = lanes.get(lane, 0) + 1

    def open(self, topic: str) -> ShelfSource:
        if not topic.startswith("t"):
            raise UnknownTopic(f"There is no topic {topic!r}.")
        return ShelfSource(self, topic)


class ShelfSource:
    dag: str | None = ""
    pause = 0.0

    def __init__(self, shelf: Shelf, topic: str) -> None:
        self._shelf, self._topic = shelf, topic

    def head(self) -> Position | None:
        items = self._items()
        if items is None:
            return None
        return Position((items.lanes.get(0, 0),), {lane: count for lane, count in items.lanes.items() if lane})

    def snapshot(self, head: Position) -> Sequence[Frame]:
        return [self._frame("snapshot", Position((0,)), head)]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        items = self._items()
        if items is None or not until.covers(after) or after.counts[0] < items.pruned:
            return None
        return [self._frame("progress", after, until)]

    def gone(self) -> Frame:
        return Frame("removed", self._topic, store=STORE, last=True)

    def _items(self) -> Items | None:
        self._shelf.reads += 1
        if self._shelf.broken:
            raise StoreError("The shelf does not answer.")
        return self._shelf.topics.get(self._topic)

    def _frame(self, kind: str, after: Position, until: Position) -> Frame:
        lanes = {0: (after.counts[0], until.counts[0])}
        lanes |= {lane: (after.islands.get(lane, 0), last) for lane, last in until.islands.items()}
        told = [(lane, number) for lane, (first, last) in lanes.items() for number in range(first, last)]
        return Frame(kind, self._topic, until, {"items": told}, store=STORE)


class Pauses:
    """Where what runs in threads stands still, before and after its work, until a test lets it go on."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []
        self.open = False

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        await self._pause()
        try:
            result = function(*arguments)
        finally:
            await self._pause()
        return result

    def release(self, place: int) -> None:
        """Lets one go on, wherever it stands in the row."""
        waiting = [one for one in self.waiting if not one.done()]
        if waiting:
            waiting[place % len(waiting)].set_result(None)
        self.waiting = [one for one in waiting if not one.done()]

    async def _pause(self) -> None:
        if not self.open:
            self.waiting.append(asyncio.get_running_loop().create_future())
            await self.waiting[-1]


async def at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    """Runs without a thread, and without waiting."""
    return function(*arguments)


async def anything(dag: str | None) -> bool:
    return True


class HandClock:
    """Time that a test moves on: whoever sleeps until then goes on."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.time + seconds, future))
        await future

    async def move(self, seconds: float) -> None:
        """In steps to each moment at which somebody wakes, and lets everything run that follows."""
        until = self.time + seconds
        await settle()
        while due := [moment for moment, future in self._sleeping if moment <= until and not future.done()]:
            self.time = max(self.time, min(due))
            for moment, future in self._sleeping:
                if moment <= self.time and not future.done():
                    future.set_result(None)
            self._sleeping = [(moment, future) for moment, future in self._sleeping if not future.done()]
            await settle()
        self.time = until


async def settle() -> None:
    """Until everything that can go on has gone as far as it can."""
    for _ in range(30):
        await asyncio.sleep(0)
