"""Whatever comes between: a client has every item once and in order, unless it is told how things are as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.listener import TOO_SLOW, Listener
from dean_airflow.feed.source import NotThere

from .shelf import STORE, HandClock, Items, Pauses, Shelf, anything, settle

TOPICS = ["t1", "t2"]
CLIENTS = range(3)
topics, clients, places = st.sampled_from(TOPICS), st.sampled_from(CLIENTS), st.integers(0, 5)
orders = st.lists(st.integers(0, 3), max_size=8)


class Client:
    """What a page does: keeps positions, applies frames, comes back after a loss."""

    def __init__(self) -> None:
        self.listener = Listener(limit=4)
        self.turns = asyncio.Lock()
        self.has: dict[str, set[tuple[int, int]]] = {}
        self.positions: dict[str, str] = {}
        self.wants: set[str] = set()
        self.attached: Any = None
        self.hub: Hub | None = None

    def apply(self, frame: Frame) -> None:
        topic = frame.topic
        if frame.type == "removed":
            self.has.pop(topic, None)
            self.positions.pop(topic, None)
            self.wants.discard(topic)
            return
        if frame.type != "live":
            items = [tuple(item) for item in frame.data["items"]]
            if frame.type == "snapshot":
                self.has[topic] = set()
            known = self.has[topic]
            for lane, number in items:
                assert (lane, number) not in known, "told twice"
                assert number == 0 or (lane, number - 1) in known, "told out of order, or something is missing"
                known.add((lane, number))
        assert frame.position is not None
        self.positions[topic] = frame.position.text(STORE)


class Feeds(RuleBasedStateMachine):
    """Two hubs on one store, as two processes of a web server are."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.shelf, self.pauses = Shelf(*TOPICS), Pauses()
        self.hubs = [self.new_hub(), self.new_hub()]
        self.clients = [Client() for _ in CLIENTS]
        self.tasks: list[asyncio.Task[Any]] = []
        self.looking: dict[int, asyncio.Task[Any]] = {}
        for number in CLIENTS:
            self.want(number, TOPICS[0])
            self.connect(number, number % 2)
        self.let_all_go_on()

    def new_hub(self) -> Hub:
        return Hub(STORE, self.shelf, self.pauses.run, HandClock())

    def go(self, *what: Coroutine[Any, Any, Any]) -> None:
        async def run() -> None:
            self.tasks += [asyncio.ensure_future(one) for one in what]
            await settle()

        self.loop.run_until_complete(run())

    @rule(topic=topics, lane=st.integers(0, 2))
    def write(self, topic: str, lane: int) -> None:
        self.shelf.write(topic, lane)

    @rule(number=st.integers(0, 1))
    def look(self, number: int) -> None:
        before = self.looking.get(number)
        if before is None or before.done():
            self.hubs[number].touch(None)
            self.go(self.hubs[number].look())
            self.looking[number] = self.tasks[-1]

    @rule(some=st.lists(places, min_size=1, max_size=12))
    def let_go_on(self, some: list[int]) -> None:
        for place in some:
            self.pauses.release(place)
            self.go()

    @rule()
    def let_all_go_on(self) -> None:
        while self.pauses.waiting:
            self.pauses.release(0)
            self.go()

    @rule(topic=topics, lane=st.integers(0, 2), number=st.integers(0, 1))
    def write_and_tell(self, topic: str, lane: int, number: int) -> None:
        self.shelf.write(topic, lane)
        self.look(number)
        self.let_all_go_on()

    @rule()
    def hear_everything(self) -> None:
        for client in self.clients:
            self.consume(client, 20)

    @rule(number=clients, hub=st.integers(0, 1))
    def connect(self, number: int, hub: int) -> None:
        client = self.clients[number]
        if client.attached is None:
            client.listener, client.hub, client.turns = Listener(limit=4), self.hubs[hub], asyncio.Lock()
            client.attached = client.hub.attached(client.listener)
            client.attached.__enter__()
            self.go(*(self.subscribe(client, topic) for topic in sorted(client.wants)))

    @rule(number=clients, topic=topics)
    def want(self, number: int, topic: str) -> None:
        client = self.clients[number]
        if topic not in client.wants:
            client.wants.add(topic)
            if client.attached is not None:
                self.go(self.subscribe(client, topic))

    @rule(number=clients)
    def lose(self, number: int) -> None:
        self.detach(self.clients[number])

    @rule(number=clients, count=st.integers(1, 6))
    def hear(self, number: int, count: int) -> None:
        self.consume(self.clients[number], count)

    @rule(number=clients, hub=st.integers(0, 1), lane=st.integers(0, 2), some=orders, others=orders)
    def come_back_while_it_moves(self, number: int, hub: int, lane: int, some: list[int], others: list[int]) -> None:
        client = self.clients[number]
        self.detach(client)
        for release in (some, others):
            self.shelf.write(TOPICS[0], lane)
            self.look(hub)
            self.connect(number, hub)
            for place in release:
                self.pauses.release(place)
                self.go()
            self.consume(client, 20)

    @rule(number=clients, topic=topics)
    def ask_again(self, number: int, topic: str) -> None:
        client = self.clients[number]
        if client.attached is not None and topic in client.wants:
            self.go(self.subscribe(client, topic))

    async def subscribe(self, client: Client, topic: str) -> None:
        """One after the other for each connection, as a session does it."""
        listener, hub = client.listener, client.hub
        async with client.turns:
            if client.listener is not listener or hub is None:
                return
            await self.subscribe_now(client, hub, listener, topic)

    async def subscribe_now(self, client: Client, hub: Hub, listener: Listener, topic: str) -> None:
        try:
            await hub.subscribe(listener, topic, client.positions.get(topic), anything)
        except NotThere:
            if client.listener is listener:
                client.wants.discard(topic)
                client.positions.pop(topic, None)

    def detach(self, client: Client) -> None:
        if client.attached is not None:
            client.attached.__exit__(None, None, None)
            client.attached = client.hub = None

    def consume(self, client: Client, count: int) -> None:
        if client.attached is None:
            return
        for _ in range(count):
            if client.listener.ended is None and not client.listener.waiting:
                return
            news = self.loop.run_until_complete(client.listener.next())
            if not isinstance(news, Frame):
                assert news.code == TOO_SLOW
                self.detach(client)
                return
            client.apply(news)

    @invariant()
    def nobody_waits_for_a_slow_client(self) -> None:
        if hasattr(self, "clients"):
            assert all(client.listener.behind <= 4 for client in self.clients)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.pauses.open = True
            for _ in range(6):
                while self.pauses.waiting:
                    self.pauses.release(0)
                    self.go()
                for number, client in enumerate(self.clients):
                    while client.attached is not None and (client.listener.waiting or client.listener.ended):
                        self.consume(client, 1)
                    self.connect(number, number % 2)
                for hub in self.hubs:
                    hub.touch(None)
                    self.go(hub.look())
            for client in self.clients:
                for topic in client.wants:
                    assert client.has.get(topic) == self.shelf.topics[topic].all()
            assert all(task.done() for task in self.tasks)
            for task in self.tasks:
                task.result()
        finally:
            self.loop.close()


class Removals(Feeds):
    """The same while topics go and come, old items cannot be told any more, and processes are killed."""

    @rule(topic=topics)
    def prune(self, topic: str) -> None:
        if topic in self.shelf.topics:
            self.shelf.topics[topic].pruned = self.shelf.topics[topic].lanes.get(0, 0)

    @rule(topic=topics)
    def remove(self, topic: str) -> None:
        self.shelf.topics.pop(topic, None)

    @rule(topic=topics)
    def make_again(self, topic: str) -> None:
        self.shelf.topics.setdefault(topic, Items())

    @rule(number=st.integers(0, 1))
    def restart(self, number: int) -> None:
        """A process of the web server is killed, and another one comes."""
        for client in self.clients:
            if client.hub is self.hubs[number]:
                self.detach(client)
        self.hubs[number] = self.new_hub()


LIMITS = settings(
    max_examples=150, stateful_step_count=50, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
TestInterleavings, TestRemovals = Feeds.TestCase, Removals.TestCase
TestInterleavings.settings = TestRemovals.settings = LIMITS
