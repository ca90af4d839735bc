"""GET /metrics and the metrics as JSON: what the history holds, as last collected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import PlainTextResponse, Response

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.errors import ConfigurationError, DeanError
from dean_airflow.metrics import views
from dean_airflow.metrics.exposition import CONTENT_TYPE, exposition
from dean_airflow.metrics.history import History
from dean_airflow.plugin.api.common import answers
from dean_airflow.plugin.permissions import may_see_metrics
from dean_airflow.store.store import Store

router = APIRouter(tags=["metrics"], dependencies=[Depends(may_see_metrics)])

PATIENCE = 4.0
"""Seconds a route waits for a store that is busy."""
_CONTRACT_NAMES = {"evolution": "evolution_api", "dean": "database"}


@router.get("/metrics", responses=answers("text/plain"))
def metrics() -> Response:
    """The newest value of every series, as Prometheus scrapes it."""
    with _opened() as (store, history):
        text = exposition(history, store.now())
    return PlainTextResponse(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


@router.get("/api/v1/services/status")
def services_status() -> dict[str, Any]:
    """By service: `url, status` (up, degraded, down), `version, latency_ms, last_check`."""
    with _opened() as (store, history):
        found = views.service_status(history, store.now())
    return {_CONTRACT_NAMES.get(name, name): one for name, one in found.items() if name != "host"}


@router.get("/api/system/status")
def system_status() -> dict[str, Any]:
    """`status, timestamp, services`."""
    with _opened() as (store, history):
        return views.system_status(history, store.now())


@router.get("/api/system/metrics")
def system_metrics() -> dict[str, Any]:
    """`timestamp, services`: the newest value of every metric by service."""
    with _opened() as (store, history):
        found: dict[str, Any] = _jsonable(views.last_collected(history, store.now()))
    return found


@router.get("/api/v1/metrics/query")
def query(
    name: str,
    since: str = "1h",
    step: str | None = None,
    service: str | None = None,
    match: Annotated[list[str] | None, Query()] = None,
    show: str | None = None,
    quantile: float | None = None,
) -> dict[str, Any]:
    """`series`: how a metric went. 422 for what cannot be asked."""
    with _opened() as (store, history):
        found = views.query(
            history,
            name,
            now=store.now(),
            since=since,
            step=step,
            service=service,
            match=match or (),
            show=show,
            quantile=quantile,
        )
    answer: dict[str, Any] = _jsonable({"name": name, "series": found, "total": len(found)})
    return answer


@contextmanager
def _opened() -> Iterator[tuple[Store, History]]:
    try:
        with Store.open(settings_in_process().store, patience=PATIENCE) as store:
            yield store, History(store)
    except ConfigurationError as error:
        raise HTTPException(422, str(error)) from None
    except DeanError as error:
        raise HTTPException(503, str(error)) from None


def _jsonable(value: Any) -> Any:
    """JSON knows no infinities: they become text, as Prometheus' own API has them."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
