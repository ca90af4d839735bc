"""Asking services how they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from dean_airflow.services import lenient
from dean_airflow.services.call import Call, Reply
from dean_airflow.services.calling.caller import ServiceCaller
from dean_airflow.services.contract import airflow
from dean_airflow.services.contract.health import AggregateHealth, ServiceHealth, Status
from dean_airflow.services.errors import ServiceError, ServiceTimeout

SECONDS = 5.0
"""Within which a health answer must come."""
_BODY_LIMIT = 1024 * 1024


async def check_service(caller: ServiceCaller) -> ServiceHealth:
    """One service's health; whatever is wrong is in it, nothing is raised."""
    endpoint = caller.endpoint
    path = {"airflow": airflow.HEALTH_PATH, "http": ""}.get(endpoint.kind, "/health")
    begun = time.monotonic()
    phases: dict[str, float] | None = None
    try:
        reply = await caller.ask_health(
            Call("GET", path, deadline=SECONDS, authenticated=endpoint.kind == "http", body_limit=_BODY_LIMIT)
        )
        phases = reply.phases.happened()
        status, text, body = _read(endpoint.kind, reply)
        error = (_complaint(body) or text or f"answered {reply.status}") if status == "unhealthy" else None
    except ServiceTimeout:
        status, text, body, error = "unhealthy", None, {}, "Health check timeout"
    except ServiceError as failed:
        status, text, body, error = "unhealthy", None, {}, str(failed)
    body = body if isinstance(body, dict) else {}
    names = body.get("capabilities")
    return ServiceHealth(
        status=cast(Status, status),
        latency_ms=round(1000 * (time.monotonic() - begun), 1),
        error=error,
        text=text,
        version=str(body["version"]) if "version" in body else None,
        capabilities=[str(name) for name in names] if isinstance(names, list) else [],
        required=endpoint.required,
        circuit=caller.breaker.report().state if caller.breaker is not None else None,
        phases=phases,
    )


async def check_services(callers: Iterable[ServiceCaller]) -> AggregateHealth:
    """All at once: as slow as the slowest."""
    callers = list(callers)
    found = await asyncio.gather(*(check_service(caller) for caller in callers))
    services = {caller.endpoint.name: health for caller, health in zip(callers, found, strict=True)}
    return AggregateHealth(status=_together(services), timestamp=datetime.now(UTC), services=services)


def _read(kind: str, reply: Reply) -> tuple[str, str | None, Any]:
    if kind == "http":
        return ("healthy", None, {}) if reply.ok else ("unhealthy", None, {})
    try:
        body = reply.json()
    except ServiceError:
        body = {}
    if kind == "airflow":
        return (*_of_airflow(reply, body), body)
    return (*lenient.health_words(reply.status, body), body)


def _of_airflow(reply: Reply, body: Any) -> tuple[str, str | None]:
    """Airflow answers 200 whatever its state: any unhealthy component makes it unhealthy. A component without a status
    does not run, which is a choice.
    """
    if not reply.ok or not isinstance(body, dict):
        return "unhealthy", None
    components = {name: one.get("status") for name, one in body.items() if isinstance(one, dict)}
    if not components:
        return "degraded", "no component in the answer"
    sick = sorted(name for name, status in components.items() if status not in ("healthy", None))
    return ("unhealthy", f"{', '.join(sick)} unhealthy") if sick else ("healthy", None)


def _complaint(body: Any) -> str:
    """What an unhealthy service says is wrong: an error body, or those of its checks that failed."""
    if said := lenient.error_detail(body):
        return said
    checks = body.get("checks") if isinstance(body, dict) else None
    checks = checks if isinstance(checks, dict) else {}
    failed = {name: one for name, one in checks.items() if isinstance(one, dict) and one.get("error")}
    return "; ".join(f"{name}: {one['error']}" for name, one in failed.items())


def _together(services: dict[str, ServiceHealth]) -> Status:
    if any(one.required and one.status == "unhealthy" for one in services.values()):
        return "unhealthy"
    return "healthy" if all(one.status == "healthy" for one in services.values() if one.required) else "degraded"
