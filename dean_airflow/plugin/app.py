"""The app at /dean: its routes, and what stands before every one of them."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from dean_airflow import __version__
from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.plugin import alerts, health, metrics, reports
from dean_airflow.plugin.api import (
    audit,
    deployments,
    description,
    orchestration,
    overview,
    patterns,
    series,
    trial_parts,
    trials,
)
from dean_airflow.plugin.api.common import failures
from dean_airflow.plugin.api.diffs import Diffs
from dean_airflow.plugin.feed.live import LiveFeed
from dean_airflow.plugin.feed.polling import polling_router
from dean_airflow.plugin.feed.sockets import socket_routes
from dean_airflow.plugin.gate import Gate
from dean_airflow.plugin.headers import HEADERS
from dean_airflow.plugin.pages import routes as pages
from dean_airflow.plugin.permissions import may_see_trials
from dean_airflow.plugin.recorder import LateAudit
from dean_airflow.plugin.services import LateApp, build_evolution, build_indexagent
from dean_airflow.plugin.stored import Stored
from dean_airflow.services.contract.capabilities import API_PREFIX
from dean_airflow.services.server.crowd import Crowd
from dean_airflow.services.server.envelope import Envelope
from dean_airflow.services.server.faults import install_fault_handlers
from dean_airflow.services.server.limits import RateLimit


class GuardedApp(FastAPI):
    """An app that nothing gets into but through its guards, and that nothing comes out of without its headers.

    Middleware that is added to an app stands within its handler of errors, whose answers would go out bare.
    """

    def build_middleware_stack(self) -> ASGIApp:
        gate = Gate(super().build_middleware_stack(), self.state.rates, self.state.audit)
        settings: Settings = self.state.settings
        crowd = Crowd(gate, settings.server_connections)
        return Envelope(crowd, 1024 * settings.server_request_kb, HEADERS)


def build_app() -> FastAPI:
    """Behind the gate whatever there is: routes, mounted files, and paths that lead nowhere. Schema and docs pages,
    which FastAPI would serve by itself, are off; the description is a route like any other.
    """
    app = GuardedApp(
        title="DEAN", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, responses=failures()
    )
    furnish(app)
    install_fault_handlers(app)
    app.include_router(health.router, dependencies=[Depends(may_see_trials)])
    app.include_router(reports.router)
    app.include_router(alerts.router)
    app.include_router(metrics.router)
    app.include_router(description.router)
    app.include_router(audit.router)
    for part in (overview, trials, trial_parts, patterns, series, deployments, orchestration):
        app.include_router(part.router, prefix=API_PREFIX)
    app.include_router(pages.router)
    app.mount("/services/evolution", LateApp(build_evolution))
    app.mount("/services/indexagent", LateApp(build_indexagent))
    live = LiveFeed()
    app.include_router(polling_router(live))
    app.router.routes.extend(socket_routes(live))  # sockets ask Airflow themselves, before they accept
    return app


def furnish(app: FastAPI) -> None:
    """Gives an app what its routes and guards share, anew: the store, the audit, what is counted and remembered."""
    app.state.stored = Stored()
    app.state.audit = LateAudit(app.state.stored)
    app.state.diffs = Diffs()
    app.state.settings = _bounds()
    app.state.rates = RateLimit(app.state.settings.server_requests_per_minute)
    app.middleware_stack = None


def _bounds() -> Settings:
    """The settings, for what the guards let through; the defaults while settings are wrong, which each route says."""
    try:
        return settings_from_airflow()
    except ConfigurationError:
        return Settings()
