"""Everything the history holds at this moment as Prometheus' text: what /dean/metrics answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dean_airflow.metrics.aggregate import latest
from dean_airflow.metrics.names import help_of
from dean_airflow.metrics.sample import is_stale, to_ms
from dean_airflow.metrics.series import SERVICE, SampleReader, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH = timedelta(minutes=5)
"""As long a sample stands for its series: Prometheus' own look-back. Older, it is absent."""

_PARTS = ("_bucket", "_sum", "_count")


def exposition(reader: SampleReader, now: datetime) -> str:
    """The newest value of every series that has one now; of a histogram all its parts. Raises StoreError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Newest(reader.select(start=now - FRESH, end=now)))
    return generate_latest(registry).decode()


class _Newest(Collector):
    def __init__(self, found: Iterable[Series]) -> None:
        self._found = list(found)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for series in self._found:
            value = latest(series)
            if value is None:
                continue
            name, kind = _family(series)
            family = families.get(name)
            if family is None:
                family = families[name] = Metric(name, help_of(series.name if kind != "histogram" else name), kind)
            elif family.type != kind:  # two services disagree about a name; a family has one kind
                continue
            labels = {**dict(series.labels), SERVICE: series.service}
            family.add_sample(series.name, labels, value)
        for family in families.values():
            family.samples.sort(key=_order)
            yield family


def _family(series: Series) -> tuple[str, str]:
    """The family's name and its kind, as the text format has them. A counter that is not named so is untyped."""
    if series.type == "counter":
        return (series.name.removesuffix("_total"), "counter") if series.name.endswith("_total") else (
            series.name, "unknown",
        )  # fmt: skip
    if series.type == "histogram":
        for part in _PARTS:
            if series.name.endswith(part):
                return series.name.removesuffix(part), "histogram"
        return series.name, "unknown"
    return series.name, "gauge"


def _order(sample: Any) -> tuple[Any, ...]:
    """Samples of one histogram together, its buckets by bound."""
    labels = {name: value for name, value in sample.labels.items() if name != "le"}
    bound = float(sample.labels.get("le", "inf")) if sample.name.endswith("_bucket") else float("inf")
    return tuple(sorted(labels.items())), _PARTS.index(_part(sample.name)), bound


def _part(name: str) -> str:
    return next((part for part in _PARTS if name.endswith(part)), _PARTS[0])


def current(reader: SampleReader, now: datetime, service: str | None = None) -> list[dict[str, Any]]:
    """The same as data: `service, name, labels, type, value, timestamp` (of the sample). Raises StoreError."""
    return [
        {
            "service": series.service,
            "name": series.name,
            "labels": dict(series.labels),
            "type": series.type,
            "value": value,
            "age_seconds": round((to_ms(now) - series.points[-1][0]) / 1000, 1),
        }
        for series in reader.select(start=now - FRESH, end=now, service=service)
        if (value := latest(series)) is not None and not is_stale(value)
    ]
