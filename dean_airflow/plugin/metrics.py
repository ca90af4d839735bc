"""GET /metrics and the metrics as JSON: what the history holds, as last collected."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse, Response

from dean_airflow.errors import ConfigurationError
from dean_airflow.metrics import views
from dean_airflow.metrics.exposition import CONTENT_TYPE, exposition
from dean_airflow.metrics.history import History
from dean_airflow.plugin.api.common import answers
from dean_airflow.plugin.permissions import may_see_metrics, stored_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.store import Store

router = APIRouter(tags=["metrics"], dependencies=[Depends(may_see_metrics)])

_CONTRACT_NAMES = {"evolution": "evolution_api", "dean": "database"}


@router.get("/metrics", responses=answers("text/plain"))
async def metrics(request: Request) -> Response:
    """The newest value of every series, as Prometheus scrapes it."""
    text = await stored_of(request)(lambda store: exposition(History(store), store.now()))
    return PlainTextResponse(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


@router.get("/api/v1/services/status")
async def services_status(request: Request) -> dict[str, Any]:
    """By service: `url, status` (up, degraded, down), `version, latency_ms, last_check`."""
    found = await stored_of(request)(lambda store: views.service_status(History(store), store.now()))
    return {_CONTRACT_NAMES.get(name, name): one for name, one in found.items() if name != "host"}


@router.get("/api/system/status")
async def system_status(request: Request) -> dict[str, Any]:
    """`status, timestamp, services`."""
    return await stored_of(request)(lambda store: views.system_status(History(store), store.now()))


@router.get("/api/system/metrics")
async def system_metrics(request: Request) -> dict[str, Any]:
    """`timestamp, services`: the newest value of every metric by service."""
    read = stored_of(request)(lambda store: views.last_collected(History(store), store.now()))
    found: dict[str, Any] = _jsonable(await read)
    return found


@router.get("/api/v1/metrics/query")
async def query(
    request: Request,
    name: str,
    since: str = "1h",
    step: str | None = None,
    service: str | None = None,
    match: Annotated[list[str] | None, Query()] = None,
    show: str | None = None,
    quantile: float | None = None,
) -> dict[str, Any]:
    """`series`: how a metric went. 422 for what cannot be asked."""

    def read(store: Store) -> list[dict[str, Any]]:
        return views.query(
            History(store),
            name,
            now=store.now(),
            since=since,
            step=step,
            service=service,
            match=match or (),
            show=show,
            quantile=quantile,
        )

    try:
        found = await stored_of(request)(read)
    except ConfigurationError as error:
        raise ApiError(422, str(error)) from None
    answer: dict[str, Any] = _jsonable({"name": name, "series": found, "total": len(found)})
    return answer


def _jsonable(value: Any) -> Any:
    """JSON knows no infinities: they become text, as Prometheus' own API has them."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
