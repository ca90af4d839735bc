"""A sample: one value of one series at one time. What is collected, kept, judged and shown is made of these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

MetricType = Literal["gauge", "counter", "histogram"]
"""`counter`: only grows, but for restarts, when it begins again. `histogram`: one bucket, sum or count of a histogram,
each a counter of its own, named as Prometheus names them: `<name>_bucket` with the label `le`, `<name>_sum`,
`<name>_count`."""

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name: equal labels are equal tuples."""

STALE = math.nan
"""The value that says: from here on the series has no value. Absent is not zero, and not the last value either."""

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""As Prometheus has them: https://prometheus.io/docs/concepts/data_model/"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """`service` is where it comes from (the label `service` of every query); `time` is in milliseconds since 1970, UTC.

    Nothing is checked here, because there are many of them: sources make samples by `metrics/sources/making.py`, which
    does.
    """

    service: str
    name: str
    value: float
    time: int
    labels: Labels = ()
    type: MetricType = "gauge"

    @property
    def is_stale(self) -> bool:
        return self.value != self.value


def is_stale(value: float) -> bool:
    """Is this the value of a staleness marker? (Only NaN differs from itself.)"""
    return value != value


def labels_of(given: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Labels:
    """The labels in their canonical order, without those that are empty, which to Prometheus are absent ones."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple(sorted((name, value) for name, value in pairs if value != ""))


def to_ms(time: datetime) -> int:
    """Milliseconds since 1970 of an aware time. Raises ValueError for one without an offset."""
    if time.tzinfo is None:
        raise ValueError(f"the time {time.isoformat()} of a sample needs an offset")
    return (time - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
