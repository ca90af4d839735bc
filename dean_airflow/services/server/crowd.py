"""How many requests a server works on at once."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from dean_airflow.services.server.envelope import send_json
from dean_airflow.services.server.faults import error_bytes

WAIT_SECONDS = 1
"""What a caller is told to wait: requests take milliseconds."""


class Crowd:
    """ASGI middleware: a request beyond `at_once` is 503 at once, so that those before it keep being answered."""

    def __init__(self, app: ASGIApp, at_once: int) -> None:
        self._app, self._free = app, at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._free <= 0:
            body = error_bytes(503, "The server is at work on as much as it may.", scope["state"].get("request_id"))
            await send_json(send, 503, body, ((b"retry-after", str(WAIT_SECONDS).encode()),))
            return
        self._free -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._free += 1
