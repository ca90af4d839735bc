"""Random alert rules and series, from a seed: gauges that drift, counters that restart, gaps, staleness, histograms."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

from dean_airflow.metrics.alerts.expression import compute, read_from
from dean_airflow.metrics.alerts.rules import (
    SEVERITIES,
    WINDOWED,
    Condition,
    Measure,
    Rule,
    RuleSet,
    Selector,
)
from dean_airflow.metrics.alerts.series_file import SeriesFile, WrittenSeries
from dean_airflow.metrics.sample import STALE
from dean_airflow.metrics.series import Matcher
from dean_airflow.testing.promtool import AlertCase

MINUTE = 60_000
GRID = 5000
"""Milliseconds between the times at which there may be samples."""
SERVICES = ("indexagent", "evolution", "airflow", 'od"d\\one')
BOUNDS = ("0.1", "0.5", "1", "2.5", "+Inf")
MEASURES: tuple[Measure, ...] = (
    "value", "value", "average", "minimum", "maximum", "increase", "rate", "quantile", "age",
)  # fmt: skip


def alert_case(seed: int) -> AlertCase:
    """One rule with an hour or two of the series it reads, and of some it does not."""
    chance = random.Random(seed)
    interval = chance.choice((15_000, 20_000, 30_000, 60_000))
    length = chance.randint(60, 120) * MINUTE // interval
    measure = chance.choice(MEASURES)
    divide = measure not in ("quantile", "age") and chance.random() < 0.3
    metric = {"quantile": "latency_seconds", "age": "last_run_timestamp_seconds"}.get(measure, "a_metric")
    series = list(_series(chance, measure, metric, length, interval))
    if divide:
        series.extend(_series(chance, measure, "another_metric", length, interval))
    file = SeriesFile(GRID, MINUTE, _at_odd_times(chance, series, interval // GRID))
    condition = _condition(chance, measure, metric, divide)
    rule = Rule(
        name="Tested",
        group="random",
        condition=replace(condition, threshold=_threshold(chance, condition, file)),
        severity=chance.choice(SEVERITIES),
        message="{alert} {value}",
        hold=chance.choice((0, 0, 1, 2, 3, 5, 7, 10)) * MINUTE,
        keep_firing=chance.choice((0, 0, 0, 1, 2, 5, 9)) * MINUTE,
        labels=chance.choice(({}, {"team": "platform"})),
    )
    return AlertCase(seed, RuleSet((rule,)), file)


def _condition(chance: random.Random, measure: Measure, metric: str, divide: bool) -> Condition:
    matchers: tuple[Matcher, ...] = ()
    if chance.random() < 0.4:
        matchers = (
            chance.choice(
                (
                    Matcher("service", "!=", chance.choice(SERVICES)),
                    Matcher("service", "=~", "indexagent|evolution"),
                    Matcher("kind", "=", chance.choice(("x", ""))),
                    Matcher("kind", "!~", "y|z"),
                )
            ),
        )
    by = None
    if chance.random() < (0.7 if divide else 0.3):
        by = chance.choice((("service",), ("kind",), ("service", "kind"), ()))
    window = chance.choice((1, 2, 3, 5, 10, 15)) * MINUTE if measure in WINDOWED else 0
    gate = (
        Selector("another_metric" if divide else metric, ())
        if chance.random() < 0.15 and measure != "quantile"
        else None
    )
    return Condition(
        selector=Selector(metric, matchers),
        measure=measure,
        comparison=chance.choice(("above", "above", "at_least", "below", "below", "at_most", "differs_from")),
        threshold=0.0,
        window=window,
        quantile=chance.choice((0.05, 0.5, 0.9, 0.95, 0.99)) if measure == "quantile" else None,
        divide_by=Selector("another_metric") if divide else None,
        by=by,
        combine=chance.choice(("sum", "average", "minimum", "maximum"))
        if by is not None and measure != "quantile"
        else "sum",
        while_=gate,
    )


def _threshold(chance: random.Random, condition: Condition, file: SeriesFile) -> float:
    """Hard by something that is measured, where an error of a thousandth makes another verdict, and never exactly it,
    where a rounding would.
    """
    reader = read_from(file.reader())
    measured: list[float] = []
    for _ in range(20):
        now = chance.randint(0, file.end // MINUTE) * MINUTE
        measured.extend(value for value in compute(condition, reader, now).values() if math.isfinite(value))
    value = chance.choice(measured or [1.0])
    return value + chance.choice((-1, 1)) * chance.uniform(1e-5, 1e-3) * max(1.0, abs(value))


def _series(
    chance: random.Random, measure: Measure, metric: str, length: int, interval: int
) -> Iterator[WrittenSeries]:
    kinds = chance.choice((("",), ("x", "y"), ("x", "y", "z")))
    for service in SERVICES[: chance.randint(1, len(SERVICES))]:
        for kind in kinds:
            labels = {"service": service, **({"kind": kind} if kind else {})}
            holes = _holes(chance, length)
            if measure == "quantile":
                yield from _histogram(chance, metric, labels, length, holes)
            elif measure in ("increase", "rate"):
                yield WrittenSeries(metric, labels, _with_holes(_counter(chance, length, interval), holes))
            elif measure == "age":
                yield WrittenSeries(metric, labels, _with_holes(_timestamps(chance, length, interval), holes))
            else:
                yield WrittenSeries(metric, labels, _with_holes(_gauge(chance, length), holes))


def _at_odd_times(chance: random.Random, series: list[WrittenSeries], every: int) -> list[WrittenSeries]:
    """The series with samples that are not collected at full minutes, nor at equal distances."""
    phase = chance.randrange(every)
    unsteady = chance.random() < 0.5
    length = max((len(one.values) for one in series), default=0)
    places = [
        place * every + (chance.choice((-1, 0, 0, 0, 1)) if unsteady and place > 0 else 0) + phase
        for place in range(length)
    ]
    moved = []
    for one in series:
        values: list[float | None] = [None] * (length * every + 2 * every)
        for place, value in zip(places, one.values, strict=False):
            values[place] = value
        moved.append(replace(one, values=values))
    return moved


def _gauge(chance: random.Random, length: int) -> list[float]:
    level, values = chance.randint(0, 100), []
    for _ in range(length):
        if chance.random() < 0.03:
            level = chance.randint(0, 100)
        level = min(100, max(0, level + chance.choice((-2, -1, 0, 0, 1, 2))))
        values.append(float(level))
    return values


def _counter(chance: random.Random, length: int, interval: int) -> list[float]:
    count, per_minute, values = float(chance.choice((0, 0, 50, 1000))), 1.0, []
    for _ in range(length):
        if chance.random() < 0.03:
            per_minute = chance.choice((0.0, 0.5, 2.0, 6.0))
        if chance.random() < 0.01:
            count = 0.0  # a restart
        expected = per_minute * interval / MINUTE
        count += int(expected) + (chance.random() < expected % 1)
        values.append(count)
    return values


def _timestamps(chance: random.Random, length: int, interval: int) -> list[float]:
    last, values = 0.0, []
    for step in range(length):
        if chance.random() < 0.05:
            last = step * interval / 1000
        values.append(last)
    return values


def _histogram(
    chance: random.Random, metric: str, labels: dict[str, str], length: int, holes: list[str]
) -> Iterator[WrittenSeries]:
    counts = [0.0] * len(BOUNDS)
    rows: list[list[float]] = []
    slow, busy = chance.randrange(len(BOUNDS)), 1
    for _ in range(length):
        if chance.random() < 0.03:
            slow, busy = chance.randrange(len(BOUNDS)), chance.choice((0, 0, 1, 4))
        if chance.random() < 0.01:
            counts = [0.0] * len(BOUNDS)
        for _ in range(busy):
            bucket = min(len(BOUNDS) - 1, max(0, slow + chance.choice((-1, 0, 0, 1))))
            counts = [count + (place >= bucket) for place, count in enumerate(counts)]
        rows.append(counts)
    for place, bound in enumerate(BOUNDS):
        values = _with_holes([row[place] for row in rows], holes)
        yield WrittenSeries(f"{metric}_bucket", {**labels, "le": bound}, values)


def _holes(chance: random.Random, length: int) -> list[str]:
    """For each step `there`, `missing` or `stale`: single lost samples, gaps of minutes, and series that end."""
    holes = ["there"] * length
    for step in range(length):
        if chance.random() < 0.02:
            holes[step] = "missing"
    for _ in range(chance.randint(0, 3)):
        start, span = chance.randrange(length), chance.randint(1, max(2, length // 6))
        for step in range(start, min(length, start + span)):
            holes[step] = "missing"
        if chance.random() < 0.5:
            holes[start] = "stale"
    return holes


def _with_holes(values: list[float], holes: list[str]) -> list[float | None]:
    return [
        value if hole == "there" else STALE if hole == "stale" else None
        for value, hole in zip(values, holes, strict=True)
    ]
