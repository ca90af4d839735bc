"""One client's talk with the feed: what it asks for, what it is sent, how it ends. A test needs no server for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from dean_airflow.errors import StoreError
from dean_airflow.feed.frame import ANYBODY, Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.keeper import HEARTBEAT, Keeper
from dean_airflow.feed.listener import End, Listener
from dean_airflow.feed.source import NotThere, UnknownTopic
from dean_airflow.feed.viewer import Viewer

PING, PONG = "ping", "pong"
LONGEST_MESSAGE = 16 * 1024
"""Characters that a client may send at once."""
TOO_LONG = 1009
CLOSING = 5.0
"""Seconds that a client has for taking notice of its end."""
TOPICS = 50
"""Topics a client may listen to at a time."""


class Transport(Protocol):
    """The wire. `send` may wait for the client, and raises Gone once it has gone."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str | None:
        """What the client said; None once it has gone."""
        ...

    async def close(self, code: int, reason: str) -> None: ...


class Gone(Exception):
    """The client has gone."""


async def serve(
    listener: Listener, transport: Transport, send: Coroutine[Any, Any, None], listen: Coroutine[Any, Any, None]
) -> None:
    """Sends and listens until either ends or the listener does, which closes the socket with its reason.

    Raises what either raised; that the client has gone is no fault.
    """
    sending, listening = asyncio.ensure_future(send), asyncio.ensure_future(listen)
    listener.on_end = sending.cancel
    try:
        await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        listening.cancel()
        outcomes = await asyncio.gather(sending, listening, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, Gone):
            raise outcome
    if listener.ended is not None:
        with contextlib.suppress(Gone, TimeoutError):  # the client may have gone, or read nothing to the end
            await asyncio.wait_for(transport.close(listener.ended.code, listener.ended.reason), CLOSING)


class Session:
    def __init__(self, hub: Hub, keeper: Keeper, viewer: Viewer, transport: Transport) -> None:
        self._hub, self._keeper, self._viewer, self._transport = hub, keeper, viewer, transport
        self._listener = Listener()
        self._topics: set[str] = set()

    async def run(self, topics: Sequence[str]) -> None:
        """Greets, subscribes to the topics, and goes on until the client goes or is closed."""
        data = {"user": self._viewer.user, "heartbeat_seconds": HEARTBEAT, "topics": list(topics)}
        with self._hub.attached(self._listener), self._keeper.keeping(self._listener, self._viewer):
            self._listener.offer(Frame("connection", "", data=data))
            await serve(self._listener, self._transport, self._send(), self._listen(topics))

    async def _send(self) -> None:
        while not isinstance(news := await self._listener.next(), End):
            if news.dag == ANYBODY or await self._viewer.may(news.dag):
                await self._transport.send(news.text)
            if news.last:
                self._topics.discard(news.topic)

    async def _listen(self, topics: Sequence[str]) -> None:
        for topic in topics:
            await self._subscribe({"topic": topic})
        while (text := await self._transport.receive()) is not None:
            if text == PING:
                await self._transport.send(PONG)
            elif len(text) > LONGEST_MESSAGE:
                self._listener.end(End(TOO_LONG, "The message is too long"))
            else:
                await self._obey(text)

    async def _obey(self, text: str) -> None:
        """What it says goes to nobody else, and answers go to nobody but it."""
        try:
            said = json.loads(text)
            asked, given_up = said.get("subscribe", []), said.get("unsubscribe", [])
            if not (isinstance(asked, list) and isinstance(given_up, list) and (asked or given_up)):
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            self._complain("bad_request", 'Send "ping", {"subscribe": [{"topic": …}]} or {"unsubscribe": [topic]}.')
            return
        for topic in given_up:
            if isinstance(topic, str):
                self._topics.discard(topic)
                self._hub.unsubscribe(self._listener, topic)
        for one in asked:
            await self._subscribe(one)

    async def _subscribe(self, asked: Any) -> None:
        topic = asked.get("topic") if isinstance(asked, dict) else None
        after = asked.get("after") if isinstance(asked, dict) else None
        if not isinstance(topic, str) or not (after is None or isinstance(after, str)):
            self._complain("bad_request", 'A subscription is {"topic": "…"}, with "after": "…" to go on from there.')
            return
        if len(self._topics | {topic}) > TOPICS:
            self._complain("bad_request", f"At most {TOPICS} topics at a time.", topic)
            return
        try:
            await self._hub.subscribe(self._listener, topic, after, self._viewer.may)
            self._topics.add(topic)
            return
        except UnknownTopic as error:
            self._complain("unknown_topic", str(error), topic)
        except NotThere as error:
            self._complain("not_found", str(error), topic)
        except StoreError as error:
            self._complain("store", str(error), topic)
        self._topics.discard(topic)

    def _complain(self, code: str, message: str, topic: str = "") -> None:
        self._listener.offer(Frame("error", topic[:100], data={"code": code, "message": message}))
