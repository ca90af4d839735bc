"""The app at /dean: its routes, and the one access rule that all of them are behind."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI

from dean_airflow.plugin import alerts, health, reports

TRIAL_DAG = "dean_evolution_trial"

may_see_trials = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=TRIAL_DAG)
"""Airflow's own decision: 401 without a credential, 403 with a bad one or without read access to the trials' runs."""


def build_app() -> FastAPI:
    """Every route is behind `may_see_trials`, by being on this app; schema and docs pages, which FastAPI would serve to
    anyone, are not there.
    """
    app = FastAPI(title="DEAN", dependencies=[Depends(may_see_trials)], openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(health.router)
    app.include_router(reports.router)
    app.include_router(alerts.router)
    return app
