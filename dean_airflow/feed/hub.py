"""The hub: hands what topics' sources read to all who listen, without waiting for any of them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator

from dean_airflow.errors import StoreError
from dean_airflow.feed.clock import Clock
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.listener import TOO_SLOW, Listener
from dean_airflow.feed.position import Position, read_position
from dean_airflow.feed.source import NotThere, Sources
from dean_airflow.feed.topic import Run, Topic

log = logging.getLogger(__name__)

May = Callable[[str | None], Awaitable[bool]]
"""Whether a client may read the runs of a DAG; None: those of DEAN's own trials."""


class Hub:
    """`store` is the id of the store that positions are of; `run` runs what waits for the store in a thread."""

    def __init__(self, store: str, sources: Sources, run: Run, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self._sources, self._run = sources, run
        self._topics: dict[str, Topic] = {}
        self._due: set[str] = set()
        self._listeners: set[Listener] = set()
        self.dropped = 0
        """How many clients were too slow."""
        self.trouble: str | None = None
        """What is wrong with the store, while something is."""

    @property
    def listeners(self) -> frozenset[Listener]:
        return frozenset(self._listeners)

    @property
    def topics(self) -> frozenset[str]:
        """Those that somebody listens to, or is about to."""
        return frozenset(self._topics)

    @contextlib.contextmanager
    def attached(self, listener: Listener) -> Iterator[Listener]:
        """The listener hears what it subscribes to, until the block ends."""
        listener.heard_at = self.clock.now()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            for name in list(self._topics):
                self.unsubscribe(listener, name)

    async def subscribe(self, listener: Listener, name: str, after: str | None, may: May) -> None:
        """From `after`, the text of a position, on; without it, or where that is too long ago, a snapshot comes first.

        Of one listener one after the other. Nothing is told twice, and nothing is left out, whatever happens meanwhile.
        Raises NotThere, StoreError; then the listener hears nothing of the topic.
        """
        self.unsubscribe(listener, name)
        topic = self._topics.get(name)
        if topic is None:
            source = await self._run(self._sources.open, name)
            topic = self._topics.setdefault(name, Topic(name, source, self._run))
        topic.joining += 1
        try:
            if not await may(topic.source.dag):
                raise NotThere(f"There is no {name}, or you may not see it.")
            position = None if not after else read_position(after, self.store)
            head = await self._join(topic, listener, position)
            try:
                replay = await topic.replay(position, head)
            except BaseException:
                self._leave(topic, listener)
                raise
            if listener in topic.listeners:
                listener.release(name, [*replay, Frame("live", name, head, store=self.store)])
        finally:
            topic.joining -= 1
            self._forget_unwanted(topic)

    def unsubscribe(self, listener: Listener, name: str) -> None:
        """The listener hears nothing more of the topic; not even what waits for it."""
        topic = self._topics.get(name)
        if topic is not None and listener in topic.listeners:
            self._leave(topic, listener)
            self._forget_unwanted(topic)

    async def read(self, name: str, after: str | None, may: May) -> tuple[list[Frame], str]:
        """What came after a position of a topic, or a snapshot, and the position then: for who has no socket.

        Raises NotThere, StoreError.
        """
        topic = Topic(name, await self._run(self._sources.open, name), self._run)
        if not await may(topic.source.dag):
            raise NotThere(f"There is no {name}, or you may not see it.")
        await topic.advance()
        if topic.head is None:
            raise NotThere(f"There is no {name}, or you may not see it.")
        position = None if not after else read_position(after, self.store)
        frames = await topic.replay(position, topic.head)
        return list(frames), topic.head.text(self.store)

    def touch(self, names: Iterable[str] | None) -> None:
        """Something was written that these topics may be about; None: that any may."""
        self._due |= set(self._topics) if names is None else self._topics.keys() & set(names)

    async def look(self) -> int:
        """Reads what is new of the topics that are due, and hands it on; how many topics that were. Those looked at
        just now stay due for a while.

        Raises StoreError at the first that cannot be read; it and those after it stay due.
        """
        now, looked = self.clock.now(), 0
        for name in sorted(self._due):
            topic = self._topics.get(name)
            if topic is None:
                self._due.discard(name)
            elif topic.look_at <= now:
                self._due.discard(name)
                try:
                    if await self._advance(topic):
                        self._due.add(name)  # more may have come with it that nobody says a word about
                except StoreError:
                    self._due.add(name)
                    raise
                topic.look_at = self.clock.now() + topic.source.pause
                looked += 1
        return looked

    def publish(self, frame: Frame, listeners: Iterable[Listener]) -> None:
        """To each of them, without waiting; who has fallen behind is dropped."""
        now = self.clock.now()
        for listener in list(listeners):
            if listener.offer(frame):
                listener.heard_at = now
            elif listener in self._listeners:
                self._listeners.discard(listener)
                self.dropped += listener.ended is not None and listener.ended.code == TOO_SLOW

    def in_trouble(self, sentence: str | None) -> None:
        """Tells everybody, once, that the store does not answer, or (None) that it does again."""
        if (sentence is None) == (self.trouble is None):
            return
        self.trouble = sentence
        if sentence is not None:
            log.warning("The live feed waits for the store: %s", sentence)
            self.publish(Frame("error", "", data={"code": "store", "message": sentence}), self._listeners)
        else:
            log.info("The live feed goes on: the store answers again.")
            self.publish(Frame("live", ""), self._listeners)

    async def _join(self, topic: Topic, listener: Listener, position: Position | None) -> Position:
        """From the head that this returns on, the listener hears what comes; it is held back until it was released."""
        async with topic.lock:
            if topic.head is None or (position is not None and not topic.head.covers(position)):
                await self._tell(topic)  # another process of the web server has told more than this one yet
            if topic.head is None:
                raise NotThere(f"There is no {topic.name}, or you may not see it.")
            listener.hold(topic.name)
            topic.listeners.add(listener)
            return topic.head

    async def _advance(self, topic: Topic) -> bool:
        """Whether there was anything new."""
        async with topic.lock:
            return topic.head is not None and await self._tell(topic)

    async def _tell(self, topic: Topic) -> bool:
        frames = await topic.advance()
        for frame in frames:
            self.publish(frame, topic.listeners)
        if topic.head is None:
            for listener in list(topic.listeners):
                topic.listeners.discard(listener)
            self._forget_unwanted(topic)
        return bool(frames)

    def _leave(self, topic: Topic, listener: Listener) -> None:
        topic.listeners.discard(listener)
        listener.forget(topic.name)

    def _forget_unwanted(self, topic: Topic) -> None:
        if not topic.wanted and self._topics.get(topic.name) is topic:
            del self._topics[topic.name]
            self._due.discard(topic.name)
