"""GET /api/openapi.json: the description of every route of the app, for who may use one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi

from dean_airflow import __version__
from dean_airflow.links import PLUGIN_PREFIX

router = APIRouter()


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The OpenAPI document; its paths are below `/dean`."""
    return describe(request.app)


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an app's routes, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="DEAN in Airflow",
            version=__version__,
            description="Trials, patterns, metrics and deployments of DEAN. Users and permissions are Airflow's.",
            routes=app.routes,
            servers=[{"url": PLUGIN_PREFIX}],
        )
        document.setdefault("components", {})["securitySchemes"] = {
            "airflow": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        document["security"] = [{"airflow": []}]
        app.openapi_schema = document
    return app.openapi_schema
