"""A metric that two releases are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher"]
Kind = Literal["values", "rate"]

TOLERANCE = 0.2
"""A worsening by a fifth must not go unnoticed."""
RATE_TOLERANCE = 0.05
IGNORED = 0.05
"""A worsening by a twentieth is nobody's reason to stop a release."""
RATE_IGNORED = 0.01


@dataclass(frozen=True, slots=True)
class Metric:
    """`direction` is which way is better.

    Of `values` (latencies, sizes) `tolerance` and `ignored` are shares of the old release's value: 0.2 a fifth worse.
    Of a `rate` (of requests that failed; each sample 0 or 1) they are differences: 0.05 is five in a hundred more.
    A release passes only where a worsening by `tolerance` is ruled out, and fails only for one of more than `ignored`.

    `weight` is its share in the summary; a `critical` metric fails, or leaves open, the whole release by itself.
    `series` is the name of a series in the store that its samples are taken from, empty where requests are measured.
    """

    name: str
    direction: Direction = "lower"
    kind: Kind = "values"
    weight: float = 1.0
    critical: bool = False
    tolerance: float = TOLERANCE
    ignored: float = IGNORED
    series: str = ""


LATENCY = Metric("latency", weight=1.0)
"""Seconds until a request was answered: the median of a few requests is one sample."""
ERROR_RATE = Metric("error_rate", kind="rate", critical=True, tolerance=RATE_TOLERANCE, ignored=RATE_IGNORED)
"""Share of requests that were refused, timed out or were answered 5xx."""
MEASURED = {metric.name: metric for metric in (LATENCY, ERROR_RATE)}
"""Those that the sampler measures by itself."""
