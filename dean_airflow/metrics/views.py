"""What commands and routes show of the history: how services are, what is measured now, how a metric went."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from dean_airflow.errors import ConfigurationError
from dean_airflow.metrics.aggregate import SeriesRange, latest
from dean_airflow.metrics.exposition import FRESH
from dean_airflow.metrics.history import History
from dean_airflow.metrics.quantiles import quantiles
from dean_airflow.metrics.sample import from_ms
from dean_airflow.metrics.series import Matcher, Operator, Point, SampleReader, Series

_DURATION = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)(=~|!~|!=|=)(.*)", re.DOTALL)
_OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_HEALTH = "dean_service_health"


def service_status(reader: SampleReader, now: datetime) -> dict[str, dict[str, Any]]:
    """By service, as last collected within five minutes: `url, status` (up, degraded, down), `version, latency_ms,
    last_check`. Raises StoreError.
    """
    found: dict[str, dict[str, Any]] = {}
    for series in reader.select(_HEALTH, start=now - FRESH, end=now):
        value = latest(series)
        if value is not None:
            found[series.service] = {
                "url": None,
                "status": "up" if value else "down",
                "version": None,
                "latency_ms": None,
                "last_check": from_ms(series.points[-1][0]).isoformat(),
            }
    for series in reader.select("dean_service_degraded", start=now - FRESH, end=now):
        if series.service in found and latest(series):
            found[series.service]["status"] = "degraded"
    for series in reader.select("dean_service_info", start=now - FRESH, end=now):
        if series.service in found and latest(series):
            labels = dict(series.labels)
            found[series.service] |= {"url": labels.get("url"), "version": labels.get("version")}
    for series in reader.select("dean_health_check_duration_seconds", start=now - FRESH, end=now):
        if series.service in found and (seconds := latest(series)) is not None:
            found[series.service]["latency_ms"] = round(1000 * seconds, 1)
    return dict(sorted(found.items()))


def system_status(reader: SampleReader, now: datetime) -> dict[str, Any]:
    """`status, timestamp, services`: unhealthy if any service is, healthy if all are, `unknown` if none was collected.

    Raises StoreError.
    """
    services = service_status(reader, now)
    words = {"up": "healthy", "degraded": "degraded", "down": "unhealthy"}
    statuses = {words[service["status"]] for service in services.values()}
    overall = next((word for word in ("unhealthy", "degraded", "healthy") if word in statuses), "unknown")
    return {
        "status": overall,
        "timestamp": now.isoformat(),
        "services": {
            name: {"status": words[one["status"]], "latency_ms": one["latency_ms"]} for name, one in services.items()
        },
    }


def last_collected(reader: SampleReader, now: datetime) -> dict[str, Any]:
    """`timestamp, services`: of each service its `health` and the newest value of its metrics. Raises StoreError."""
    status = service_status(reader, now)
    services: dict[str, dict[str, Any]] = {}
    newest = 0
    for series in reader.select(start=now - FRESH, end=now):
        value = latest(series)
        if value is None:
            continue
        newest = max(newest, series.points[-1][0])
        service = services.setdefault(series.service, {"health": status.get(series.service, {}), "metrics": {}})
        service["metrics"][shown_name(series)] = value
    return {"timestamp": from_ms(newest).isoformat() if newest else None, "services": services}


def query(
    history: History,
    name: str,
    *,
    now: datetime,
    since: str = "1h",
    step: str | None = None,
    service: str | None = None,
    match: Iterable[str] = (),
    show: str | None = None,
    quantile: float | None = None,
) -> list[dict[str, Any]]:
    """How a metric went: per series `service, labels, type, step_seconds, show, points` ([time, value], ISO 8601).

    `since` and `step` are durations such as 90s, 5m, 1h, 7d; `match` texts such as `code=~5..`. `show` is average,
    minimum or maximum for gauges, rate or increase for counters. With a `quantile` (0..1) the buckets of a histogram
    are put together first, to one series. Raises ConfigurationError for what cannot be asked, StoreError.
    """
    matchers = [matcher_of(text) for text in match]
    start = now - duration_of(since)
    try:
        found = history.range(
            f"{name}_bucket" if quantile is not None else name,
            start=start,
            end=now + timedelta(milliseconds=1),
            step=duration_of(step) if step else None,
            service=service,
            matchers=matchers,
        )
        if quantile is not None:
            return _quantile(name, quantile, found)
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be asked for: {error}.") from None
    return [_shown(series, show) for series in found]


def duration_of(text: str) -> timedelta:
    """Raises ConfigurationError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise ConfigurationError(f"{text!r} is no duration; write a number and s, m, h, d or w, such as 90s or 1h.")
    try:
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    except (OverflowError, ValueError):
        raise ConfigurationError(f"{text[:40]!r} is longer than any history.") from None


def matcher_of(text: str) -> Matcher:
    """`label=value`, `label!=value`, `label=~regex` or `label!~regex`. Raises ConfigurationError."""
    match = _MATCHER.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{text!r} matches no label; write label=value, label!=value, label=~regex or !~.")
    matcher = Matcher(match[1], _OPERATORS[match[2]], match[3])
    try:
        matcher.matches("", ())
    except ValueError as error:
        raise ConfigurationError(f"{text!r} matches no label: {error}.") from None
    return matcher


def shown_name(series: Series) -> str:
    """The name with its labels, as Prometheus writes them."""
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels)
    return f"{series.name}{{{labels}}}" if labels else series.name


def _shown(series: SeriesRange, show: str | None) -> dict[str, Any]:
    views = (
        {"average": series.averages, "minimum": series.lowest, "maximum": series.highest}
        if series.type == "gauge"
        else {"rate": series.rates, "increase": series.increases}
    )
    chosen = show or next(iter(views))
    if chosen not in views:
        raise ConfigurationError(
            f"{series.key.name} is a {series.type}, of which there is no {chosen}; ask for {' or '.join(views)}."
        )
    return {
        "service": series.key.service,
        "labels": dict(series.key.labels),
        "type": series.type,
        "step_seconds": series.step / 1000,
        "show": chosen,
        "points": _points(views[chosen]()),
    }


def _quantile(name: str, quantile: float, found: list[SeriesRange]) -> list[dict[str, Any]]:
    if not 0 <= quantile <= 1:
        raise ConfigurationError(f"A quantile lies between 0 and 1, not at {quantile:g}.")
    if not found:
        return []
    return [
        {
            "service": ", ".join(sorted({series.key.service for series in found})),
            "labels": {},
            "type": "histogram",
            "step_seconds": found[0].step / 1000,
            "show": f"quantile {quantile:g}",
            "points": _points(quantiles(quantile, found)),
        }
    ]


def _points(points: Iterable[Point]) -> list[tuple[str, float]]:
    return [(from_ms(time).isoformat(), value) for time, value in points]
