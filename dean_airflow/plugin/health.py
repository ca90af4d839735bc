"""GET /health: whether DEAN can work here, which is whether its store answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from dean_airflow import __version__
from dean_airflow.errors import DeanError
from dean_airflow.plugin.permissions import stored_of
from dean_airflow.plugin.stored import Stored

router = APIRouter()
_STARTED = time.monotonic()


@router.get("/health")
async def health(request: Request, response: Response) -> dict[str, Any]:
    """200 and `healthy`, or 503 and `unhealthy` with the store's error."""
    store = await _check_store(stored_of(request))
    response.status_code = 200 if store["status"] == "healthy" else 503
    return {
        "status": store["status"],
        "service": "dean",
        "version": __version__,
        "timestamp": datetime.now(UTC).isoformat(),
        "uptime_seconds": int(time.monotonic() - _STARTED),
        "checks": {"store": store},
    }


async def _check_store(stored: Stored) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        await stored(lambda store: store.trials.count())
    except DeanError as error:
        return {"status": "unhealthy", "error": str(error)}
    return {"status": "healthy", "latency_ms": round(1000 * (time.perf_counter() - begun), 1)}
