"""Stands before every route of a stand-alone server: whoever is not known gets no further than its health."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dean_airflow.services.contract.capabilities import API_PREFIX
from dean_airflow.services.server.access import READ_ONLY, Credentials
from dean_airflow.services.server.audit import Audit, Deed
from dean_airflow.services.server.caller import Caller
from dean_airflow.services.server.envelope import send_json
from dean_airflow.services.server.faults import ApiError, error_bytes
from dean_airflow.services.server.limits import RateLimit

PUBLIC = ("/health", f"{API_PREFIX}/health")
SHOWN_PATH = 250
"""Characters of a path that are put on record."""


class Gate:
    """ASGI middleware: authenticates, counts, and puts on record. Sockets authenticate themselves, in `sockets.py`."""

    def __init__(self, app: ASGIApp, credentials: Credentials, rates: RateLimit, audit: Audit) -> None:
        self._app, self._credentials, self._rates, self._audit = app, credentials, rates, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        resource = f"{scope['method']} {scope['path']}"[:SHOWN_PATH]
        address = (scope.get("client") or ("unknown",))[0]
        if scope["method"] in ("GET", "HEAD") and scope["path"] in PUBLIC:
            if await self._within_rate(f"address {address}", scope, send):
                await self._app(scope, receive, send)
            return
        try:
            caller = await self._credentials.of_headers(Headers(scope=scope))
        except ApiError as refused:
            if await self._within_rate(f"address {address}", scope, send):
                self._audit.record(Deed("denied", f"address {address}", resource, str(refused.status_code)))
                await _answer(refused, scope, send)
            return
        if not await self._within_rate(f"caller {caller.name}", scope, send):
            return
        scope["state"]["caller"] = caller
        await self._app(scope, receive, self._on_record(send, caller, scope["method"], resource))

    def _on_record(self, send: Send, caller: Caller, method: str, resource: str) -> Send:
        if caller.credential == "api_key":
            self._audit.record(Deed("key_used", caller.name, caller.credential_id, "accepted"))
        if method in READ_ONLY:
            return send

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._audit.record(Deed("call", caller.name, resource, str(message["status"])))
            await send(message)

        return recorded

    async def _within_rate(self, name: str, scope: Scope, send: Send) -> bool:
        seconds = self._rates.take(name)
        if seconds:
            detail = f"Too many requests within a minute; try again in {seconds} s."
            await _answer(ApiError(429, detail, headers={"Retry-After": str(seconds)}), scope, send)
        return not seconds


async def _answer(error: ApiError, scope: Scope, send: Send) -> None:
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    body = error_bytes(error.status_code, error.detail, scope["state"].get("request_id"))
    await send_json(send, error.status_code, body, headers)
