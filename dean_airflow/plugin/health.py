"""GET /health: whether DEAN can work here, which is whether its store answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from dean_airflow import __version__
from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.errors import DeanError
from dean_airflow.store.store import Store

router = APIRouter()
_STARTED = time.monotonic()


@router.get("/health")
def health(response: Response) -> dict[str, Any]:
    """200 and `healthy`, or 503 and `unhealthy` with the store's error."""
    store = _check_store()
    response.status_code = 200 if store["status"] == "healthy" else 503
    return {
        "status": store["status"],
        "service": "dean",
        "version": __version__,
        "timestamp": datetime.now(UTC).isoformat(),
        "uptime_seconds": int(time.monotonic() - _STARTED),
        "checks": {"store": store},
    }


def _check_store() -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        with Store.open(settings_in_process().store, patience=4.0) as store:
            store.trials.count()
    except DeanError as error:
        return {"status": "unhealthy", "error": str(error)}
    return {"status": "healthy", "latency_ms": round(1000 * (time.perf_counter() - begun), 1)}
