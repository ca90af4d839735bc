"""Who may do what: the one place where a stand-alone server turns credentials into callers and permissions.

A server that is mounted in another application brings its own `Access`, which asks that application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import Request
from starlette.datastructures import Headers
from starlette.websockets import WebSocket

from dean_airflow.services.contract.capabilities import API_KEY_HEADER, SERVICE_TOKEN_NAME
from dean_airflow.services.contract.errors import (
    INSUFFICIENT_PERMISSIONS,
    INVALID_AUTHENTICATION,
    INVALID_TOKEN,
    MISSING_AUTHENTICATION,
)
from dean_airflow.services.server.audit import Audit, Deed
from dean_airflow.services.server.caller import Caller, Permission
from dean_airflow.services.server.faults import ApiError

READ_ONLY = ("GET", "HEAD", "OPTIONS")


class Access(Protocol):
    """What routes ask: a dependency that gives the caller or refuses, and the same for sockets."""

    def needs(self, permission: Permission) -> Callable[..., Any]:
        """A FastAPI dependency: the Caller, or 401 or 403."""
        ...

    def admitted(self, websocket: WebSocket, permission: Permission) -> Any:
        """An async context manager: the Caller of an accepted socket, or None when it was refused and closed."""
        ...


class Credentials:
    """Reads a caller out of what a request or a socket carries.

    `read_token` turns a token's text into a caller, or None if it is not to be trusted; `find_key` does the same for
    an API key and may wait, as keys are looked up.
    """

    def __init__(
        self, read_token: Callable[[str], Caller | None], find_key: Callable[[str], Awaitable[Caller | None]]
    ) -> None:
        self._read_token, self._find_key = read_token, find_key

    async def of_headers(self, headers: Headers) -> Caller:
        """Raises ApiError 401 with the contract's three texts: none, of a wrong kind, not to be trusted."""
        authorization = headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise unauthorized(INVALID_AUTHENTICATION)
            return self.of_token(token.strip())
        if (service_token := headers.get(SERVICE_TOKEN_NAME)) is not None:
            return self.of_token(service_token)
        if (key := headers.get(API_KEY_HEADER)) is not None:
            caller = await self._find_key(key)
            if caller is None:
                raise unauthorized(INVALID_TOKEN)
            return caller
        raise unauthorized(MISSING_AUTHENTICATION)

    def of_token(self, token: str) -> Caller:
        """Raises ApiError 401."""
        caller = self._read_token(token)
        if caller is None:
            raise unauthorized(INVALID_TOKEN)
        return caller


class ServiceAccess:
    """Access of a stand-alone server, whose `Gate` has authenticated every request before a route sees it."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def needs(self, permission: Permission) -> Callable[[Request], Awaitable[Caller]]:
        async def caller(request: Request) -> Caller:
            known: Caller = request.state.caller
            if not known.may(permission):
                self._audit.record(Deed("denied", known.name, f"{request.method} {request.url.path}"[:250], "403"))
                raise ApiError(403, INSUFFICIENT_PERMISSIONS)
            return known

        return caller


def unauthorized(detail: str) -> ApiError:
    return ApiError(401, detail, headers={"WWW-Authenticate": "Bearer"})


class NobodysAccess:
    """For describing routes, which nobody then calls."""

    def needs(self, permission: Permission) -> Callable[[], None]:
        def caller() -> None:
            raise ApiError(403, INSUFFICIENT_PERMISSIONS)

        return caller

    def admitted(self, websocket: WebSocket, permission: Permission) -> Any:
        raise ApiError(403, INSUFFICIENT_PERMISSIONS)
