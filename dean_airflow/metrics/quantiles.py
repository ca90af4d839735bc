"""Quantiles of histograms: from what their buckets grew by, added up first, because a mean of percentiles is none."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dean_airflow.metrics.aggregate import SeriesRange
from dean_airflow.metrics.alerts.functions import quantile_of_buckets
from dean_airflow.metrics.series import Point, SeriesKey

BUCKET_BOUND = "le"


def quantiles(quantile: float, buckets: Iterable[SeriesRange]) -> list[Point]:
    """The quantile (0..1) at each step, from the bucket series of histograms: added up by bound, then interpolated.

    Steps without an observation are gaps. Raises ValueError for a series without a numeric `le`.
    """
    steps: dict[int, dict[float, float]] = {}
    for series in buckets:
        bound = _bound(series.key)
        for time, grown in series.increases():
            counts = steps.setdefault(time, {})
            counts[bound] = counts.get(bound, 0.0) + grown
    found = [(time, quantile_of_buckets(quantile, sorted(counts.items()))) for time, counts in sorted(steps.items())]
    return [point for point in found if not math.isnan(point[1])]


def _bound(key: SeriesKey) -> float:
    text = dict(key.labels).get(BUCKET_BOUND)
    if text is None:
        raise ValueError(f"{key.name} is no bucket of a histogram: it has no label {BUCKET_BOUND}")
    return float(text)
