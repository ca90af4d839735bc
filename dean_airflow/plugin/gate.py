"""Stands before everything DEAN serves in Airflow's web server: routes, pages, static files, and what there is not.

Whoever Airflow does not know gets no further than here, a page of another site changes nothing, and nobody takes more
than their share. What a caller may do beyond that is decided route by route (see `permissions`). Sockets decide
themselves, before they accept.
"""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import get_user
from fastapi import HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dean_airflow.plugin.origin import check_origin
from dean_airflow.services.contract.errors import MISSING_AUTHENTICATION
from dean_airflow.services.server.access import READ_ONLY
from dean_airflow.services.server.audit import Audit, Deed
from dean_airflow.services.server.envelope import send_json
from dean_airflow.services.server.faults import error_bytes
from dean_airflow.services.server.limits import RateLimit

USER = "dean_user"
"""Where in the request's state the caller stands, an Airflow user."""
SHOWN_PATH = 250
"""Characters of a path that are put on record."""


class Gate:
    """ASGI middleware: 401, 403 or 429 with the contract's body, or on to the app with its caller in the state."""

    def __init__(self, app: ASGIApp, rates: RateLimit, audit: Audit) -> None:
        self._app, self._rates, self._audit = app, rates, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        resource = f"{scope['method']} {scope['path']}"[:SHOWN_PATH]
        try:
            user = await get_user(request, None, _bearer(request))
        except HTTPException as refused:
            headers = ((b"www-authenticate", b"Bearer"),) if refused.status_code == 401 else ()
            await _refuse(scope, send, refused.status_code, _sentence(refused), headers)
            return
        if seconds := self._rates.take(str(user.get_id())):
            detail = f"Too many requests within a minute; try again in {seconds} s."
            await _refuse(scope, send, 429, detail, ((b"retry-after", str(seconds).encode()),))
            return
        if scope["method"] not in READ_ONLY and (problem := check_origin(request)):
            self._audit.record(Deed("denied", user.get_name(), resource, "403"))
            await _refuse(scope, send, 403, problem)
            return
        scope["state"][USER] = user
        await self._app(scope, receive, self._on_record(send, user.get_name(), scope["method"], resource))

    def _on_record(self, send: Send, name: str, method: str, resource: str) -> Send:
        """What changes something is put on record, and so is what was refused."""

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                denied = message["status"] == 403
                if denied or method not in READ_ONLY:
                    self._audit.record(Deed("denied" if denied else "call", name, resource, str(message["status"])))
            await send(message)

        return recorded


def _bearer(request: Request) -> HTTPAuthorizationCredentials | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return HTTPAuthorizationCredentials(scheme=scheme, credentials=token.strip()) if token else None


def _sentence(refused: HTTPException) -> str:
    return MISSING_AUTHENTICATION if refused.detail == "Not authenticated" else str(refused.detail)


async def _refuse(
    scope: Scope, send: Send, status: int, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    await send_json(send, status, error_bytes(status, detail, scope["state"].get("request_id")), headers)
