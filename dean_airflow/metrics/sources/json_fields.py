"""The numbers in a JSON answer as samples: those that are named, or all there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dean_airflow.metric_sources import JsonField
from dean_airflow.metrics.sources.making import SampleMaker, safe_name

DEPTH_AT_MOST = 10
NUMBERS_AT_MOST = 2000
"""Of an answer of which no fields are named: a document of more is no page of metrics."""

_UNITS = {"_milliseconds": 1000.0, "_millis": 1000.0, "_ms": 1000.0}


def add_fields(maker: SampleMaker, body: Any, fields: Mapping[str, JsonField]) -> dict[str, Any]:
    """A sample for each field that is there and a number; the fields found, by name. Absent is absent, not zero."""
    found: dict[str, Any] = {}
    for name, field in fields.items():
        value = _at(body, field.path)
        if value is None:
            continue
        found[name] = value
        number = float(value) * field.scale if _is_number(value) else value
        maker.add(name, number, field.labels, field.type)
    return found


def add_numbers(maker: SampleMaker, body: Any, prefix: str, counters: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A sample for each number (and truth value) in the answer's objects, named `<prefix>_<path>`; the same by path.

    Milliseconds become seconds, as Prometheus wants base units; paths among `counters` become counters and end in
    `_total`. Lists and texts are left alone.
    """
    found: dict[str, Any] = {}
    for path, value in _numbers(body, (), 0):
        if len(found) >= NUMBERS_AT_MOST:
            maker.left_out += 1
            continue
        name = "_".join(path)
        found[name] = value
        shown, number = safe_name(f"{prefix}_{name}"), value
        for unit, per_second in _UNITS.items():
            if shown.endswith(unit):
                shown, number = shown.removesuffix(unit) + "_seconds", value / per_second
                break
        if name in counters:
            maker.add(shown if shown.endswith("_total") else f"{shown}_total", number, kind="counter")
        else:
            maker.add(shown.removesuffix("_total"), number)
    return found


def _numbers(body: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(body, Mapping) and depth < DEPTH_AT_MOST:
        for name, value in body.items():
            yield from _numbers(value, (*path, str(name)), depth + 1)
    elif path and _is_number(body):
        yield path, body


def _is_number(value: Any) -> bool:
    return (isinstance(value, int | float) and abs(value) < 1e308) or (isinstance(value, float) and value != value)


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(part)
        elif isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        else:
            return None
    return body
