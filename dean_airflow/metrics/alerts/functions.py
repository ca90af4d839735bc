"""The functions of PromQL that rules need, with Prometheus' results.

They follow https://prometheus.io/docs/prometheus/latest/querying/functions/ and are held to promtool, which is
Prometheus' own engine, by the benchmark `alert_oracle`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dean_airflow.metrics.series import Point

EXTRAPOLATION = 1.1
"""A series is taken to go on to the edge of the window if that is within so many of its average intervals."""


def increase(points: Sequence[Point], start: int, end: int) -> float | None:
    """By how much a counter grew from `start` to `end` (milliseconds), its restarts taken out; None below two points.

    Extrapolated to the edges of the window: where the counter goes on beyond its first or last sample by about an
    interval, all the way, else by half an interval; never to before it would have been zero.
    """
    if len(points) < 2:
        return None
    (first_time, first), (last_time, last) = points[0], points[-1]
    grown = last - first
    before = first
    for _, value in points[1:]:
        if value < before:
            grown += before
        before = value
    seen = (last_time - first_time) / 1000
    interval = seen / (len(points) - 1)
    to_start, to_end = (first_time - start) / 1000, (end - last_time) / 1000
    if grown > 0 and first >= 0:
        to_start = min(to_start, seen * (first / grown))
    covered = seen
    for gap in (to_start, to_end):
        covered += gap if gap < interval * EXTRAPOLATION else interval / 2
    return grown * (covered / seen)


def average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def quantile_of_buckets(quantile: float, buckets: Sequence[tuple[float, float]]) -> float:
    """The value below which the share `quantile` of a histogram's observations lies, interpolated in its bucket.

    `buckets` are upper bounds and cumulated counts. NaN where that cannot be said: no bucket of +Inf, fewer than two
    buckets, or no observation. An answer in the last bucket is that bucket's lower bound.
    """
    cumulated: dict[float, float] = {}
    for bound, count in buckets:
        cumulated[bound] = cumulated.get(bound, 0.0) + count
    bounds = sorted(cumulated)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts = _never_falling([cumulated[bound] for bound in bounds])
    if counts[-1] == 0 or math.isnan(counts[-1]):
        return math.nan
    rank = quantile * counts[-1]
    place = next((index for index, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if place == len(counts) - 1:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    low, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return low + (bounds[place] - low) * ((rank - below) / (counts[place] - below))


def _never_falling(counts: list[float]) -> list[float]:
    """Buckets are not collected at one instant, nor do they restart at one: what falls is lifted."""
    for index in range(1, len(counts)):
        counts[index] = max(counts[index], counts[index - 1])
    return counts
