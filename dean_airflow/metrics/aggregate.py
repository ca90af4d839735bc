"""Many samples as few figures: what each kind of metric lets one say about a stretch of time, and nothing else.

A gauge has a lowest, a highest and a mean value. A counter has grown by so much, restarts taken out. A histogram's
buckets are counters; what can be said of them is in `quantiles.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dean_airflow.metrics.sample import MetricType
from dean_airflow.metrics.series import Point, Series, SeriesKey

Rollup = tuple[int, int, float, float, float]
"""Place or time, number of samples, and: of a gauge lowest, highest, sum; of a counter first, last, growth between."""


def roll_up(kind: str, points: Sequence[Point], start: int, step: int) -> list[Rollup]:
    """The points, in order of time, as one rollup for each `step` milliseconds from `start` in which there are any.

    The first figure is the number of the step. Staleness markers are not values: a step with nothing else is a gap.
    """
    steps: dict[int, list[float]] = {}
    for time, value in points:
        if value == value:
            steps.setdefault((time - start) // step, []).append(value)
    if kind == "gauge":
        return [(place, len(values), min(values), max(values), total(values)) for place, values in steps.items()]
    return [(place, len(values), values[0], values[-1], growth(values)) for place, values in steps.items()]


def merge(kind: str, rollups: Sequence[Rollup]) -> Rollup:
    """Several rollups that follow each other as one, which begins where the first does."""
    place, count = rollups[0][0], sum(rollup[1] for rollup in rollups)
    if kind == "gauge":
        low, high = min(rollup[2] for rollup in rollups), max(rollup[3] for rollup in rollups)
        return place, count, low, high, total([rollup[4] for rollup in rollups])
    grown = [rollup[4] for rollup in rollups]
    grown += [_step(before[3], after[2]) for before, after in itertools.pairwise(rollups)]
    return place, count, rollups[0][2], rollups[-1][3], total(grown)


def growth(values: Sequence[float]) -> float:
    """By how much a counter with these values grew; one that fell has restarted from zero."""
    return total([_step(before, after) for before, after in itertools.pairwise(values)])


def total(values: Sequence[float]) -> float:
    """The exact sum, rounded once, so that it does not depend on the order; with infinities what addition gives."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


@dataclass(frozen=True, slots=True)
class SeriesRange:
    """A series over a stretch of time, in steps. `rollups` begin at their time in ms; a missing step is a gap."""

    key: SeriesKey
    type: MetricType
    step: int
    """Milliseconds."""
    rollups: list[Rollup]

    def averages(self) -> list[Point]:
        """Of a gauge: the mean of each step's samples. Of a counter: its growth a second, see `rates`."""
        if self.type != "gauge":
            return self.rates()
        return [(time, summed / count) for time, count, _, _, summed in self.rollups]

    def lowest(self) -> list[Point]:
        return [(rollup[0], rollup[2]) for rollup in self.rollups]

    def highest(self) -> list[Point]:
        return [(rollup[0], rollup[3]) for rollup in self.rollups]

    def increases(self) -> list[Point]:
        """Of a counter: how much it grew in each step, what it grew by since the step before included, so that nothing
        is lost between two steps or over a gap.
        """
        grown = []
        before: Rollup | None = None
        for rollup in self.rollups:
            since = 0.0 if before is None else _step(before[3], rollup[2])
            grown.append((rollup[0], since + rollup[4]))
            before = rollup
        return grown

    def rates(self) -> list[Point]:
        """Of a counter: its growth a second, over each step."""
        return [(time, grown * 1000 / self.step) for time, grown in self.increases()]


def latest(series: Series) -> float | None:
    """The newest value; None if the series has gone stale."""
    if not series.points or math.isnan(series.points[-1][1]):
        return None
    return series.points[-1][1]


def _step(before: float, after: float) -> float:
    return after - before if after >= before else after
