"""What surrounds every request: an id, a limit on its size, headers that keep a browser from misusing the answer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dean_airflow.services.contract.capabilities import REQUEST_ID_HEADER
from dean_airflow.services.server.faults import ApiError, error_bytes

_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_UNDER_TLS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class Envelope:
    """ASGI middleware. A body above `max_bytes` is 413, whether its length was announced or not. `headers` are those
    of answers that set none of the name themselves; by default those of a server that no browser is to show.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, headers: Mapping[str, str] = _HEADERS) -> None:
        self._app, self._max_bytes, self._headers = app, max_bytes, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._http(scope, receive, send, request_id)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.update(_UNDER_TLS)
                headers[REQUEST_ID_HEADER] = request_id
            await send(message)

        read = 0

        async def measured() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._max_bytes:
                    raise ApiError(413, _too_large(self._max_bytes))
            return message

        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await send_json(dressed, 413, error_bytes(413, _too_large(self._max_bytes), request_id))
            return
        try:
            await self._app(scope, measured, dressed)
        except ApiError as error:  # whoever read the body was no route of FastAPI's
            if not started:
                await send_json(dressed, error.status_code, error_bytes(error.status_code, error.detail, request_id))


def _too_large(max_bytes: int) -> str:
    return f"The request is larger than the {max_bytes} bytes this server reads."


async def send_json(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """A whole JSON answer, sent below FastAPI."""
    length = (b"content-length", str(len(body)).encode())
    fixed = ((b"content-type", b"application/json"), length)
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


def _request_id(scope: Scope) -> str:
    """The caller's own where it is usable as one: it ends up in logs and in the audit."""
    given = _header(scope, REQUEST_ID_HEADER.lower().encode())
    return given if _USABLE_ID.fullmatch(given) else secrets.token_hex(16)


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""
