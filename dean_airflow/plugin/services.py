"""The contracts inside Airflow: below `/services/evolution` and `/services/indexagent`, on DEAN's store.

The same routes as of the stand-alone servers, with Airflow's users instead of service tokens, and Airflow instead of a
supervisor of processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from dean_airflow.airflow_settings import git_credentials, settings_in_process
from dean_airflow.config import Settings
from dean_airflow.errors import DeanError
from dean_airflow.plugin.access import AirflowAccess, may_see_trials
from dean_airflow.plugin.airflow_runner import AirflowRunner
from dean_airflow.services.contract.capabilities import (
    DIVERSITY,
    EVOLUTION_STATUS,
    GENOME,
    IDEMPOTENCY_KEY,
    LINEAGE,
    SEARCH_INDEX,
)
from dean_airflow.services.server.application import plain_app
from dean_airflow.services.server.envelope import Envelope, send_json
from dean_airflow.services.server.faults import error_bytes
from dean_airflow.services.server.health import HealthOf
from dean_airflow.services.server.hub import Hub
from dean_airflow.services.server.limits import SocketLimit
from dean_airflow.services.server.standing import STORE_PATIENCE
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

READERS_ONLY = (Depends(may_see_trials),)
"""Airflow's web server leaves nothing open, health included."""


class LateApp:
    """An app that is built at its first request, when its store is there; until then its callers get the error."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            async with self._building:
                if self._app is None:
                    try:
                        self._app = await asyncio.to_thread(self._build)
                    except DeanError as error:
                        log.warning("DEAN's services cannot be served: %s", error)
                        await _unavailable(scope, receive, send)
                        return
        await self._app(scope, receive, send)


def build_evolution(settings: Settings | None = None) -> ASGIApp:
    """The Evolution API whose engine is Airflow. Raises StoreError."""
    from dean_airflow.services.evolution.feed import Feed
    from dean_airflow.services.evolution.service import SERVICE, EvolutionService
    from dean_airflow.services.evolution.standalone import TITLE, evolution_routers

    settings = settings or settings_in_process()
    store, threads, probes = Store.open(settings.store, patience=STORE_PATIENCE), Threads(), Threads(1)
    runner = AirflowRunner(store, threads)
    service = EvolutionService(settings, store, threads, runner)
    hub = FollowedHub(lambda hub: Feed(store, threads, hub).run())

    async def check_store() -> None:
        await probes(store.trials.count)

    async def active() -> int:
        return await probes(store.trials.under_way)

    capabilities = (IDEMPOTENCY_KEY, EVOLUTION_STATUS, DIVERSITY)
    health = HealthOf(
        SERVICE, {"store": check_store, "airflow": runner.check}, frozenset({"store"}), capabilities, active
    )
    return _guarded(settings, TITLE, lambda access: evolution_routers(service, hub, access, health, READERS_ONLY))


def build_indexagent(settings: Settings | None = None) -> ASGIApp:
    """IndexAgent on DEAN's store. Raises StoreError."""
    from dean_airflow.services.indexagent.index.code_index import CodeIndex
    from dean_airflow.services.indexagent.service import SERVICE, IndexAgentService
    from dean_airflow.services.indexagent.standalone import TITLE, all_routers

    settings = settings or settings_in_process()
    store, threads, probes = Store.open(settings.store, patience=STORE_PATIENCE), Threads(), Threads(1)
    service = IndexAgentService(settings, store, CodeIndex(settings, store, git_credentials()), threads)

    async def check_store() -> None:
        await probes(store.trials.count)

    checks = {"store": check_store, "index": service.check_index}
    health = HealthOf(SERVICE, checks, frozenset({"store"}), (SEARCH_INDEX, GENOME, LINEAGE))
    return _guarded(settings, TITLE, lambda access: all_routers(service, access, health, READERS_ONLY))


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
        return
    await send_json(send, 503, error_bytes(503, "The store does not answer; try again later.", None))


def _guarded(settings: Settings, title: str, routers: Callable[[AirflowAccess], Any]) -> FastAPI:
    access = AirflowAccess(SocketLimit(settings.server_sockets_per_user, settings.server_sockets))
    app = plain_app(title, routers(access))
    app.add_middleware(Envelope, max_bytes=1024 * settings.server_request_kb)
    return app


class FollowedHub(Hub):
    """A hub whose feed starts with the first who listens: most web servers' processes never have one."""

    def __init__(self, follow: Callable[[Hub], Any]) -> None:
        super().__init__()
        self._follow = follow
        self._following: asyncio.Task[None] | None = None

    def listening(self, topic: str | None = None) -> Any:
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(self))
        return super().listening(topic)
