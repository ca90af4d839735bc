"""The sockets: `/ws` for topics, `/ws/services/health` for the services, `/ws/evolution/{trial_id}` for one trial."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dean_airflow.errors import DeanError
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.listener import End, Listener
from dean_airflow.feed.services_source import METRICS, METRICS_DAG, SERVICES
from dean_airflow.feed.session import PING, PONG, TOPICS, Gone, Session, serve
from dean_airflow.feed.trial_stream import TrialStream
from dean_airflow.feed.trials_source import TRIALS
from dean_airflow.feed.viewer import FORBIDDEN
from dean_airflow.plugin.feed.live import Feed, LiveFeed
from dean_airflow.plugin.feed.viewers import AirflowViewer, admitted
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS

log = logging.getLogger(__name__)

FIRST_TOPICS = (TRIALS, SERVICES, METRICS)
"""What `/ws` tells of unless the client names topics."""
HEALTH_SECONDS = 5.0
NO_STORE = 1011
"""Close code: the store does not answer."""


class SocketTransport:
    """A WebSocket of the web server as the feed's wire."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, text: str) -> None:
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error

    async def receive(self) -> str | None:
        try:
            message = await self._websocket.receive()
        except RuntimeError:
            return None
        return None if message["type"] == "websocket.disconnect" else message.get("text") or ""

    async def close(self, code: int, reason: str) -> None:
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error


def socket_routes(live: LiveFeed) -> list[WebSocketRoute]:
    @contextlib.asynccontextmanager
    async def opened(websocket: WebSocket) -> AsyncIterator[tuple[Feed, AirflowViewer, SocketTransport] | None]:
        """What a socket that was admitted talks with; None where it was not, or where the store does not answer."""
        async with admitted(websocket, await live.limit()) as viewer:
            if viewer is None:
                yield None
                return
            transport = SocketTransport(websocket)
            try:
                with contextlib.suppress(Gone):
                    yield await live.get(), viewer, transport
            except DeanError as error:
                log.warning("A live feed ends: %s", error)
                with contextlib.suppress(Gone):
                    await transport.send(Frame("error", "", data={"code": "store", "message": str(error)}).text)
                    await transport.close(NO_STORE, "The store does not answer")

    async def topics(websocket: WebSocket) -> None:
        async with opened(websocket) as talk:
            if talk is not None:
                feed, viewer, transport = talk
                named = websocket.query_params.get("topics")
                wanted = FIRST_TOPICS if named is None else [topic for topic in named.split(",") if topic][:TOPICS]
                await Session(feed.hub, feed.keeper, viewer, transport).run(wanted)

    async def trial(websocket: WebSocket) -> None:
        async with opened(websocket) as talk:
            if talk is not None:
                feed, viewer, transport = talk
                trial_id = str(websocket.path_params["trial_id"])
                await TrialStream(feed.store, feed.threads, feed.hub, feed.keeper, viewer, transport, trial_id).run()

    async def health(websocket: WebSocket) -> None:
        async with opened(websocket) as talk:
            if talk is not None:
                await _tell_health(*talk)

    return [
        WebSocketRoute("/ws", topics),
        WebSocketRoute("/ws/services/health", health),
        WebSocketRoute("/ws/evolution/{trial_id}", trial),
    ]


async def _tell_health(feed: Feed, viewer: AirflowViewer, transport: SocketTransport) -> None:
    listener = Listener()

    async def tell() -> None:
        while listener.ended is None:
            if not await viewer.may(METRICS_DAG):
                listener.end(End(FORBIDDEN, INSUFFICIENT_PERMISSIONS))
                return
            await transport.send((await feed.keeper.status_frame()).text)
            await asyncio.sleep(HEALTH_SECONDS)

    with feed.keeper.keeping(listener, viewer):
        await serve(listener, transport, tell(), answer_pings(transport))


async def answer_pings(transport: Any) -> None:
    """Until the client goes. What else it says goes to nobody."""
    while (text := await transport.receive()) is not None:
        if text == PING:
            await transport.send(PONG)
