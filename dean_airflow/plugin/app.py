"""The app at /dean: its routes, and the one access rule that all of them are behind."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from dean_airflow.plugin import alerts, health, metrics, reports
from dean_airflow.plugin.access import may_see_trials
from dean_airflow.plugin.services import LateApp, build_evolution, build_indexagent


def build_app() -> FastAPI:
    """Every route is behind `may_see_trials`, by being on this app; schema and docs pages, which FastAPI would serve to
    anyone, are not there. The services are apps of their own, whose routes ask Airflow one by one.
    """
    app = FastAPI(title="DEAN", dependencies=[Depends(may_see_trials)], openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(health.router)
    app.include_router(reports.router)
    app.include_router(alerts.router)
    app.include_router(metrics.router)
    app.mount("/services/evolution", LateApp(build_evolution))
    app.mount("/services/indexagent", LateApp(build_indexagent))
    return app
