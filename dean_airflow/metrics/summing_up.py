"""A window of samples summed up by service: how its health checks ended, and each metric as its kind allows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dean_airflow.metrics.aggregate import growth, latest, total
from dean_airflow.metrics.sample import is_stale
from dean_airflow.metrics.series import Series

HEALTH, DEGRADED = "dean_service_health", "dean_service_degraded"


def summed_up(found: Iterable[Series], start: datetime, end: datetime) -> dict[str, Any]:
    """`summary, time_range, services` of the samples given, which lie between start and end."""
    services: dict[str, dict[str, Any]] = {}
    checks: dict[str, dict[int, str]] = {}
    for series in found:
        service = services.setdefault(series.service, {"metrics": {}})
        if series.name == HEALTH:
            for time, value in _values(series):
                checks.setdefault(series.service, {}).setdefault(time, "healthy" if value else "unhealthy")
        elif series.name == DEGRADED:
            for time, value in _values(series):
                if value:
                    checks.setdefault(series.service, {})[time] = "degraded"
        elif figures := _figures(series):
            service["metrics"].setdefault(series.name, []).append({"labels": dict(series.labels), **figures})
    for name, seen in checks.items():
        statuses = list(seen.values())
        services[name]["health_checks"] = {word: statuses.count(word) for word in ("healthy", "degraded", "unhealthy")}
        services[name]["availability"] = sum(word != "unhealthy" for word in statuses) / len(statuses)
        services[name]["status"] = seen[max(seen)]
    last = [service["status"] for service in services.values() if "status" in service]
    return {
        "summary": {
            "total_health_checks": sum(len(seen) for seen in checks.values()),
            "healthy_services": last.count("healthy"),
            "degraded_services": last.count("degraded"),
            "unhealthy_services": last.count("unhealthy"),
            "total_services": len(last),
        },
        "time_range": {"start": start.isoformat(), "end": end.isoformat()},
        "services": services,
    }


def _figures(series: Series) -> dict[str, Any]:
    values = [value for _, value in _values(series)]
    if not values:
        return {}
    if series.type != "gauge":
        return {"samples": len(values), "increase": growth(values), "last": latest(series)}
    return {
        "samples": len(values),
        "average": total(values) / len(values),
        "minimum": min(values),
        "maximum": max(values),
        "last": latest(series),
    }


def _values(series: Series) -> list[tuple[int, float]]:
    return [point for point in series.points if not is_stale(point[1])]
