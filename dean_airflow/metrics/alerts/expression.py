"""Computes a rule's condition at one time: a value for each set of labels that has one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol

from dean_airflow.metrics.alerts import functions
from dean_airflow.metrics.alerts.rules import Condition, Selector, series_name
from dean_airflow.metrics.sample import Labels, is_stale
from dean_airflow.metrics.series import SERVICE, Matcher, Point, SampleReader, Series

LOOKBACK = 300_000
"""Milliseconds for which a series' newest sample stands for its value: Prometheus' default. Older is absent."""

Values = dict[Labels, float]


class Selecting(Protocol):
    """What a condition is computed from: the series of a metric with their samples from `start` to `end`."""

    def __call__(self, metric: str, matchers: tuple[Matcher, ...], start: int, end: int) -> list[Series]: ...


def read_from(reader: SampleReader) -> Selecting:
    def select(metric: str, matchers: tuple[Matcher, ...], start: int, end: int) -> list[Series]:
        return reader.select(metric, start=start, end=end, matchers=matchers)

    return select


def compute(condition: Condition, select: Selecting, now: int) -> Values:
    """The measured values by labels (without the metric's name) at `now`, milliseconds since 1970.

    A set of labels is there only if it has a value; whether the condition holds for it is not looked at. Raises
    StoreError where the samples come from a store.
    """
    if condition.while_ is not None and not _is_open(condition.while_, select, now):
        return {}
    dividend = _side(condition, condition.selector, select, now)
    if condition.divide_by is None:
        return dividend
    divisor = _side(condition, condition.divide_by, select, now)
    return {labels: _divided(value, divisor[labels]) for labels, value in dividend.items() if labels in divisor}


def _side(condition: Condition, selector: Selector, select: Selecting, now: int) -> Values:
    found = select(series_name(condition, selector), selector.matchers, now - (condition.window or LOOKBACK), now)
    measured: Values = {}
    for series in found:
        value = _measure(condition, series.points, now)
        if value is not None:
            measured[shown_labels(series)] = value
    if condition.measure == "quantile":
        return _quantiles(condition, measured)
    return measured if condition.by is None else _combined(condition, measured)


def shown_labels(series: Series) -> Labels:
    """A series' labels as queries show them, `service` among them."""
    if not series.service:
        return series.labels
    return tuple(sorted({**dict(series.labels), SERVICE: series.service}.items()))


def _is_open(gate: Selector, select: Selecting, now: int) -> bool:
    """Is the sum of the newest values above 0?"""
    newest = [series.points[-1][1] for series in select(gate.metric, gate.matchers, now - LOOKBACK, now)]
    return math.fsum(value for value in newest if not is_stale(value)) > 0


def _measure(condition: Condition, points: list[Point], now: int) -> float | None:
    if not condition.window:
        if not points or is_stale(points[-1][1]):
            return None
        value = points[-1][1]
        return now / 1000 - value if condition.measure == "age" else value
    live = [point for point in points if not is_stale(point[1])]
    if not live:
        return None
    values = [value for _, value in live]
    match condition.measure:
        case "average":
            return functions.average(values)
        case "minimum":
            return min(values)
        case "maximum":
            return max(values)
        case _:  # increase; and rate, of which a quantile is made
            grown = functions.increase(live, now - condition.window, now)
            if grown is None or condition.measure == "increase":
                return grown
            return grown / (condition.window / 1000)


def _combined(condition: Condition, measured: Values) -> Values:
    combine: dict[str, Callable[[list[float]], float]] = {
        "sum": math.fsum,
        "average": functions.average,
        "minimum": min,
        "maximum": max,
    }
    groups: dict[Labels, list[float]] = {}
    for labels, value in measured.items():
        groups.setdefault(_only(labels, condition.by or ()), []).append(value)
    return {labels: combine[condition.combine](values) for labels, values in groups.items()}


def _quantiles(condition: Condition, rates: Values) -> Values:
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, rate in rates.items():
        bound = _bound(dict(labels).get("le"))
        if bound is None:
            continue
        kept = tuple(pair for pair in labels if pair[0] != "le")
        if condition.by is not None:
            kept = _only(kept, condition.by)
        histograms.setdefault(kept, []).append((bound, rate))
    return {
        labels: functions.quantile_of_buckets(condition.quantile or 0.0, buckets)
        for labels, buckets in histograms.items()
    }


def _only(labels: Labels, names: Iterable[str]) -> Labels:
    kept = set(names)
    return tuple(pair for pair in labels if pair[0] in kept)


def _bound(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _divided(dividend: float, divisor: float) -> float:
    """As IEEE 754 and PromQL have it: nothing by nothing is NaN, for which no comparison but != holds."""
    if divisor != 0:
        return dividend / divisor
    if dividend == 0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)
