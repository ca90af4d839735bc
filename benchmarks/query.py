"""How fast the history answers: one series over a day, every series over an hour, every series over a week by hour."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks._metric_history import END, SERIES, STEP, filled
from benchmarks.figure import Figure
from dean_airflow.metrics.series import Matcher

ROUNDS = 60
DAYS = 8


def run(minutes: float | None) -> list[Figure]:
    """p95 in ms. With 300 series at 15 s; a shortened run has fewer of them, and says so."""
    series = SERIES if minutes is None else max(20, min(SERIES, int(SERIES * minutes)))
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder, filled(Path(folder), DAYS, series) as history:
        rng = random.Random(1)

        def day_of_one() -> int:
            number = rng.randrange(series)
            end = END - timedelta(seconds=rng.randrange(20 * 3600))
            found = history.select(
                start=end - timedelta(hours=24), end=end, service="shop", matchers=[Matcher("n", "=", str(number))]
            )
            return sum(len(one.points) for one in found)

        def hour_of_all() -> int:
            end = END - timedelta(seconds=rng.randrange(40 * 3600))
            found = history.range(start=end - timedelta(hours=1), end=end, step=timedelta(minutes=1))
            return sum(len(one.rollups) for one in found)

        def samples_of_an_hour() -> int:
            end = END - timedelta(seconds=rng.randrange(40 * 3600))
            found = history.select(start=end - timedelta(hours=1), end=end)
            return sum(len(one.points) for one in found)

        def last_hour_of_all() -> int:
            found = history.range(start=END - timedelta(hours=1), end=END, step=timedelta(minutes=1))
            return sum(len(one.rollups) for one in found)

        def week_of_all() -> int:
            end = END - timedelta(seconds=rng.randrange(3600))
            found = history.range(start=end - timedelta(days=7), end=end, step=timedelta(hours=1))
            return sum(len(one.rollups) for one in found)

        day, hour, samples, last, week = (
            _timed(one) for one in (day_of_one, hour_of_all, samples_of_an_hour, last_hour_of_all, week_of_all)
        )
    shared = {"series": series, "step_seconds": STEP / 1000, "rounds": ROUNDS}
    return [
        Figure("query_series_24h", day["p95"], "ms", "lower", 10, {**shared, **day, "what": "samples as collected"}),
        Figure(
            "query_hour_300", hour["p95"], "ms", "lower", 50,
            {**shared, **hour, "what": "by minute", "samples_as_collected": samples, "the_hour_that_goes_on": last},
        ),
        Figure("query_week_300", week["p95"], "ms", "lower", 100, {**shared, **week, "what": "by hour"}),
    ]  # fmt: skip


def _timed(query: Callable[[], int]) -> dict[str, Any]:
    query()
    taken, points = [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        points = query()
        taken.append(1000 * (time.perf_counter() - begun))
    taken.sort()
    return {"p95": round(taken[int(0.95 * len(taken))], 2), "p50": round(taken[len(taken) // 2], 2), "points": points}
