"""The Evolution API as a server of its own: on the store, with a supervisor for trials and a feed for sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from dean_airflow.config import Settings
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.services.contract.capabilities import (
    DIVERSITY,
    EVOLUTION_STATUS,
    IDEMPOTENCY_KEY,
    SERVICE_TOKEN_HEADER,
)
from dean_airflow.services.evolution.diversity_routes import diversity_router
from dean_airflow.services.evolution.feed import Feed
from dean_airflow.services.evolution.routes import trial_router
from dean_airflow.services.evolution.service import SERVICE, EvolutionService
from dean_airflow.services.evolution.socket import socket_router
from dean_airflow.services.evolution.supervisor import Supervisor
from dean_airflow.services.server.access import Access, NobodysAccess
from dean_airflow.services.server.application import describe, service_app
from dean_airflow.services.server.health import HealthOf, health_router
from dean_airflow.services.server.hub import Hub
from dean_airflow.services.server.prometheus import Measured
from dean_airflow.services.server.standing import Standing, standing
from dean_airflow.store.store import Store

CAPABILITIES = (IDEMPOTENCY_KEY, SERVICE_TOKEN_HEADER, EVOLUTION_STATUS, DIVERSITY)
TITLE = "Evolution API"
DESCRIPTION = "Trials that improve a repository's code by evolution: started, watched, cancelled; and what they found."


def build_evolution_app(settings: Settings, store: Store, credentials: GitCredentials | None = None) -> FastAPI:
    """The server, which closes the store when it stops.

    `credentials` are for the repositories of trials. Raises ConfigurationError when there is no usable signing key.
    """
    base = standing(settings, store, SERVICE)
    supervisor = Supervisor(settings, store, base.threads, credentials)
    hub = Hub()
    service = EvolutionService(settings, store, base.threads, supervisor)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with base.at_work(), _both(supervisor, Feed(store, base.threads, hub)):
            yield

    routers = evolution_routers(service, hub, base.access, _health(base, supervisor))
    app = service_app(TITLE, routers, base.credentials, base.audit, base.bounds, lifespan)
    app.add_middleware(Measured, metrics=service.figures)
    return app


def evolution_routers(
    service: EvolutionService, hub: Hub, access: Access, health: HealthOf, health_guards: Sequence[Any] = ()
) -> Sequence[APIRouter]:
    """All routes of the API."""
    diversity = diversity_router(service.diversity, service.threads, access)
    return (
        health_router(health, health_guards),
        trial_router(service, access),
        diversity,
        socket_router(service, hub, access),
    )


def evolution_document() -> dict[str, Any]:
    """The OpenAPI document."""
    nothing: Any = None
    access = NobodysAccess()
    routers = (health_router(nothing), trial_router(nothing, access), diversity_router(nothing, nothing, access))
    return describe(TITLE, DESCRIPTION, routers)


def _health(base: Standing, supervisor: Supervisor) -> HealthOf:
    async def active() -> int:
        return await base.probes(base.store.trials.under_way)

    checks = {"store": base.check_store, "trials": supervisor.check}
    return HealthOf(SERVICE, checks, frozenset({"store"}), CAPABILITIES, active)


@contextlib.asynccontextmanager
async def _both(supervisor: Supervisor, feed: Feed) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(supervisor.run()), asyncio.create_task(feed.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
