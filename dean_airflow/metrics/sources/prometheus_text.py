"""Prometheus' text, or OpenMetrics, as samples."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from itertools import islice

from dean_airflow.metrics.sample import MetricType
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.services.call import Reply

SAMPLES_AT_MOST = 20_000
"""Of one answer: a second of parsing."""

_OPENMETRICS = "application/openmetrics-text"
_COUNTED = {"histogram": ("_bucket", "_sum", "_count"), "gaugehistogram": (), "summary": ("_sum", "_count")}

Parsed = tuple[str, dict[str, str], float, float | None, MetricType]


async def add_exposition(reply: Reply, maker: SampleMaker) -> dict[str, int]:
    """The samples of an answer go to the maker; their number by metric. Raises ContractViolation for no exposition."""
    parsed = await asyncio.to_thread(_parse, reply)
    names: dict[str, int] = {}
    for name, labels, value, seconds, kind in parsed[:SAMPLES_AT_MOST]:
        at = int(seconds * 1000) if seconds is not None and math.isfinite(seconds) else None
        maker.add(name, value, labels, kind, at)
        names[name] = names.get(name, 0) + 1
    maker.left_out += len(parsed) - SAMPLES_AT_MOST if len(parsed) > SAMPLES_AT_MOST else 0
    return names


def _parse(reply: Reply) -> list[Parsed]:
    """In a thread: a large answer takes a second. One sample more than are taken says that there are more."""
    try:
        text = reply.body.decode()
    except UnicodeDecodeError as error:
        raise reply.violation(f"is not UTF-8 (byte {error.start})") from None
    try:
        return list(islice(_samples(text, reply.headers.get("content-type", "")), SAMPLES_AT_MOST + 1))
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise reply.violation(f"is no Prometheus exposition ({str(error)[:200] or type(error).__name__})") from None


def _samples(text: str, content_type: str) -> Iterator[Parsed]:
    if content_type.startswith(_OPENMETRICS):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
    else:
        from prometheus_client.parser import text_string_to_metric_families as families
    for family in families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            seconds = None if sample.timestamp is None else float(sample.timestamp)
            yield sample.name, sample.labels, sample.value, seconds, _kind(family.type, sample.name)


def _kind(family: str, name: str) -> MetricType:
    if family == "counter":
        return "counter"
    if name.endswith(_COUNTED.get(family, ("\0",)) or "\0"):
        return "histogram" if family == "histogram" else "counter"
    return "gauge"
