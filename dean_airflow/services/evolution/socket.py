"""The socket of the Evolution API: who is admitted hears of all trials, or with `?trial_id=` of one from its start."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from dean_airflow.services.contract.websocket import PATH, PING, PONG, ConnectionFrame, TrialFrame
from dean_airflow.services.evolution.feed import frame_text
from dean_airflow.services.server.access import Access
from dean_airflow.services.server.caller import Caller, Permission
from dean_airflow.services.server.hub import Hub, Listener

TOO_SLOW = 1013
"""Close code for a client that fell too far behind: try again later."""
LONGEST_TOPIC = 128


class History(Protocol):
    async def history(self, trial_id: str) -> Sequence[TrialFrame]:
        """All frames of a trial so far."""
        ...


def socket_router(api: History, hub: Hub, access: Access) -> APIRouter:
    router = APIRouter()

    @router.websocket(PATH)
    async def updates(websocket: WebSocket) -> None:
        async with access.admitted(websocket, Permission.READ) as caller:
            if caller is not None:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # what is left is a client that has gone
                    await _serve(websocket, caller, api, hub)

    return router


async def _serve(websocket: WebSocket, caller: Caller, api: History, hub: Hub) -> None:
    topic = (websocket.query_params.get("trial_id") or "")[:LONGEST_TOPIC] or None
    with hub.listening(topic) as listener:
        await websocket.send_text(_greeting(caller))
        told = 0
        if topic is not None:
            for frame in await api.history(topic):
                await websocket.send_text(frame_text(frame))
                told += 1
        sender = asyncio.create_task(_send(websocket, listener, told))
        try:
            await _answer_pings(websocket)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender


async def _send(websocket: WebSocket, listener: Listener, told: int) -> None:
    """What the client hears from now on, without what it was told already."""
    while True:
        news = await listener.next()
        if news is None:
            await websocket.close(TOO_SLOW, "Too far behind")
            return
        number, text = news
        if number > told:
            await websocket.send_text(text)


async def _answer_pings(websocket: WebSocket) -> None:
    """Until the client goes. What else it says goes to nobody."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == PING:
            await websocket.send_text(PONG)


def _greeting(caller: Caller) -> str:
    frame = ConnectionFrame(message="Connected", timestamp=datetime.now(UTC), authenticated=True, user=caller.user)
    return frame.model_dump_json()
