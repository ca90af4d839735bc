"""Admission of WebSockets to a stand-alone server, and what ends them: an expired token, too many, a silent client."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.websockets import WebSocket, WebSocketDisconnect

from dean_airflow.services.contract.capabilities import API_KEY_HEADER, SERVICE_TOKEN_NAME
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS, INVALID_TOKEN
from dean_airflow.services.contract.websocket import (
    CLOSED_EXPIRED,
    CLOSED_UNAUTHORIZED,
    TOKEN_QUERY,
    TOKEN_SUBPROTOCOL,
)
from dean_airflow.services.server.access import Credentials, ServiceAccess
from dean_airflow.services.server.audit import Audit, Deed
from dean_airflow.services.server.caller import Caller, Permission
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.limits import SocketLimit

FIRST_MESSAGE_SECONDS = 10.0
"""How long a client that sent no token otherwise has for the message that brings it."""
TOO_MANY_SOCKETS = "Too many open sockets"


class SocketAccess(ServiceAccess):
    """Access of a stand-alone server that has sockets too. `now` is the time tokens expire by."""

    def __init__(
        self,
        credentials: Credentials,
        limit: SocketLimit,
        audit: Audit,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        origins: tuple[str, ...] = (),
    ) -> None:
        super().__init__(audit)
        self._credentials, self._limit, self._now, self._origins = credentials, limit, now, origins

    @asynccontextmanager
    async def admitted(self, websocket: WebSocket, permission: Permission) -> AsyncIterator[Caller | None]:
        """The caller of an accepted socket; None when it was refused, which has closed it.

        A token comes in a header, the query, a subprotocol, or the first message; an API key in its header only.
        Refused before accepting: 1008; after it, or when the token expires: 4401.
        """
        async with contextlib.AsyncExitStack() as held:
            caller = await self._admit(websocket, permission, held)
            expiry = asyncio.create_task(self._close_when_expired(websocket, caller)) if caller else None
            try:
                yield caller
            finally:
                if expiry is not None:
                    expiry.cancel()

    async def _admit(
        self, websocket: WebSocket, permission: Permission, held: contextlib.AsyncExitStack
    ) -> Caller | None:
        offered = [word.strip() for word in websocket.headers.get("sec-websocket-protocol", "").split(",")]
        chosen = TOKEN_SUBPROTOCOL if TOKEN_SUBPROTOCOL in offered else None
        accepted = False
        try:
            self._check_origin(websocket)
            caller = await self._before_accepting(websocket, offered)
            if caller is None:
                await websocket.accept(chosen)
                accepted = True
                caller = await self._from_first_message(websocket)
            if not caller.may(permission):
                raise ApiError(403, INSUFFICIENT_PERMISSIONS)
            if not held.enter_context(self._limit.hold(caller.name)):
                raise ApiError(429, TOO_MANY_SOCKETS)
        except ApiError as refused:
            address = websocket.client.host if websocket.client else "unknown"
            self._audit.record(
                Deed("denied", f"address {address}", f"SOCKET {websocket.url.path}"[:250], refused.detail)
            )
            with contextlib.suppress(RuntimeError):  # the client may have gone meanwhile
                await websocket.close(CLOSED_EXPIRED if accepted else CLOSED_UNAUTHORIZED, refused.detail)
            return None
        except WebSocketDisconnect:
            return None
        if not accepted:
            await websocket.accept(chosen)
        return caller

    def _check_origin(self, websocket: WebSocket) -> None:
        """A browser names the page that opens a socket; programs name none."""
        origin = websocket.headers.get("origin")
        if origin is not None and origin not in self._origins and origin != _own_origin(websocket):
            raise ApiError(403, INSUFFICIENT_PERMISSIONS)

    async def _before_accepting(self, websocket: WebSocket, offered: list[str]) -> Caller | None:
        """None: the token is still to come. Raises ApiError."""
        names = ("authorization", SERVICE_TOKEN_NAME, API_KEY_HEADER)
        if any(name in websocket.headers for name in names):
            return await self._credentials.of_headers(websocket.headers)
        if (token := websocket.query_params.get(TOKEN_QUERY)) is not None:
            return self._credentials.of_token(token)
        if TOKEN_SUBPROTOCOL in offered:
            return self._credentials.of_token(next((word for word in offered if word != TOKEN_SUBPROTOCOL), ""))
        return None

    async def _from_first_message(self, websocket: WebSocket) -> Caller:
        try:
            text = await asyncio.wait_for(websocket.receive_text(), FIRST_MESSAGE_SECONDS)
            message = json.loads(text)
            token = message["token"] if isinstance(message, dict) else None
        except (TimeoutError, ValueError, KeyError):
            token = None
        if not isinstance(token, str):
            raise ApiError(401, INVALID_TOKEN)
        return self._credentials.of_token(token)

    async def _close_when_expired(self, websocket: WebSocket, caller: Caller) -> None:
        if caller.expires_at is None:
            return
        await asyncio.sleep(max(0.0, (caller.expires_at - self._now()).total_seconds()))
        with contextlib.suppress(RuntimeError):
            await websocket.close(CLOSED_EXPIRED, INVALID_TOKEN)


def _own_origin(websocket: WebSocket) -> str:
    scheme = "https" if websocket.url.scheme == "wss" else "http"
    return f"{scheme}://{websocket.headers.get('host', '')}"
