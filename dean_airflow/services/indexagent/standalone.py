"""IndexAgent as a server of its own: on the store, with an index of code beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from dean_airflow.config import Settings
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.services.contract.capabilities import GENOME, LINEAGE, SEARCH_INDEX, SERVICE_TOKEN_HEADER
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.services.indexagent.routes import IndexAgentApi, indexagent_routers
from dean_airflow.services.indexagent.service import SERVICE, IndexAgentService
from dean_airflow.services.server.access import Access, NobodysAccess
from dean_airflow.services.server.application import describe, service_app
from dean_airflow.services.server.health import HealthOf, health_router
from dean_airflow.services.server.prometheus import Measured
from dean_airflow.services.server.standing import Standing, standing
from dean_airflow.store.store import Store

CAPABILITIES = (SERVICE_TOKEN_HEADER, SEARCH_INDEX, GENOME, LINEAGE)
TITLE = "IndexAgent API"
DESCRIPTION = "Search over the code of repositories; and the agents, populations and patterns that trials made."


def build_indexagent_app(settings: Settings, store: Store, credentials: GitCredentials | None = None) -> FastAPI:
    """The server, which closes the store when it stops.

    `credentials` are for repositories that are indexed. Raises ConfigurationError when there is no usable signing key,
    StoreError when the index cannot be opened.
    """
    base = standing(settings, store, SERVICE)
    service = IndexAgentService(settings, store, CodeIndex(settings, store, credentials), base.threads)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with base.at_work():
            refreshing = asyncio.create_task(service.refresh())
            try:
                yield
            finally:
                refreshing.cancel()
                await asyncio.gather(refreshing, return_exceptions=True)
                await service.close()

    routers = all_routers(service, base.access, _health(base, service))
    app = service_app(TITLE, routers, base.credentials, base.audit, base.bounds, lifespan)
    app.add_middleware(Measured, metrics=service.figures)
    return app


def all_routers(
    service: IndexAgentApi, access: Access, health: HealthOf, health_guards: Sequence[Any] = ()
) -> Sequence[APIRouter]:
    """All routes of the API. `service` answers them: an IndexAgentService, or whatever has its methods."""
    return (health_router(health, health_guards), *indexagent_routers(service, access))


def _health(base: Standing, service: IndexAgentService) -> HealthOf:
    checks = {"store": base.check_store, "index": service.check_index}
    return HealthOf(SERVICE, checks, frozenset({"store"}), CAPABILITIES)


def indexagent_document() -> dict[str, Any]:
    """The OpenAPI document."""
    nothing: Any = None
    return describe(TITLE, DESCRIPTION, (health_router(nothing), *indexagent_routers(nothing, NobodysAccess())))
