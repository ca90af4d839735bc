"""Puts a server together: the routes at the root and once more below /api/v1, behind everything that guards them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from dean_airflow import __version__
from dean_airflow.services.contract.capabilities import (
    API_KEY_HEADER,
    API_PREFIX,
    IDEMPOTENCY_HEADER,
    REQUEST_ID_HEADER,
    SERVICE_TOKEN_NAME,
)
from dean_airflow.services.contract.errors import ErrorBody
from dean_airflow.services.server.access import Credentials
from dean_airflow.services.server.audit import Audit
from dean_airflow.services.server.crowd import Crowd
from dean_airflow.services.server.envelope import Envelope
from dean_airflow.services.server.faults import install_fault_handlers
from dean_airflow.services.server.gate import Gate
from dean_airflow.services.server.limits import RateLimit

ALWAYS = {
    401: "No credential, or one that is not to be trusted.",
    403: "The caller has none of the roles that the route asks for.",
    413: "The request is larger than the server reads.",
    422: "The request is malformed or out of range.",
    429: "Too many requests within a minute; `Retry-After` says when to try again.",
    503: "What the server depends on does not answer, or it is at work on as much as it may.",
}
"""What any route may answer beside its own codes."""


@dataclass(frozen=True)
class Bounds:
    """What a server takes: bytes of a body, requests of a caller a minute (0: any), requests at once."""

    request_bytes: int = 2**20
    requests_per_minute: int = 1000
    requests_at_once: int = 200
    origins: tuple[str, ...] = ()


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may fail with these codes beside those that any may."""
    own = {400: "A rule is broken.", 404: "Unknown id.", 409: "Conflicts with what is there already."}
    return {
        status: {"model": ErrorBody, "description": ALWAYS.get(status) or own[status]}
        for status in sorted({*ALWAYS, *statuses})
    }


def service_app(
    title: str,
    routers: Sequence[APIRouter],
    credentials: Credentials,
    audit: Audit,
    bounds: Bounds,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """A stand-alone server. Its description is not served: that would be a route without authentication."""
    app = plain_app(title, routers, lifespan)
    # Added last is outermost: a request is given its id and measured, counted in, then authenticated.
    app.add_middleware(Gate, credentials=credentials, rates=RateLimit(bounds.requests_per_minute), audit=audit)
    if bounds.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(bounds.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization", "Content-Type", API_KEY_HEADER, SERVICE_TOKEN_NAME, REQUEST_ID_HEADER,
                IDEMPOTENCY_HEADER,
            ],
            expose_headers=[REQUEST_ID_HEADER, "Retry-After"],
        )  # fmt: skip
    app.add_middleware(Crowd, at_once=bounds.requests_at_once)
    app.add_middleware(Envelope, max_bytes=bounds.request_bytes)
    return app


def plain_app(
    title: str,
    routers: Sequence[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The routes with their error bodies, guarded by nothing: for a description, or behind another app's guards."""
    app = FastAPI(title=title, version=__version__, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    for router in routers:
        app.include_router(router)
        app.include_router(router, prefix=API_PREFIX)
    install_fault_handlers(app)
    return app


def describe(title: str, description: str, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of the routes at the root, with the ways to authenticate."""
    app = FastAPI(title=title, version=__version__)
    for router in routers:
        app.include_router(router)
    document = get_openapi(title=title, version=__version__, description=description, routes=app.routes)
    document.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "service_token": {"type": "apiKey", "in": "header", "name": SERVICE_TOKEN_NAME},
        "api_key": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
    }
    document["security"] = [{"token": []}, {"service_token": []}, {"api_key": []}]
    document["paths"]["/health"]["get"]["security"] = []
    return document
