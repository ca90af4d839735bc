"""Samples of releases from series of the store: what services say of themselves, such as a queue's length."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from dean_airflow.deployment.canary.judge import Samples
from dean_airflow.deployment.canary.policy import CanaryPolicy
from dean_airflow.metrics.sample import is_stale
from dean_airflow.metrics.series import SampleReader

Window = tuple[datetime, datetime]
"""From and to."""


def series_samples(policy: CanaryPolicy, reader: SampleReader, service: str, old: Window, new: Window) -> Samples:
    """The samples of the policy's metrics that name a series: of `service` while the old and the new release served.

    Of a counter a sample is its increase a second from one reading to the next, without those across a restart. Series
    that differ in their labels are taken together. Raises what the reader raises.
    """
    named = [metric for metric in policy.metrics if metric.series]
    return Samples(
        {metric.name: _values(reader, metric.series, service, old) for metric in named},
        {metric.name: _values(reader, metric.series, service, new) for metric in named},
    )


def together(*samples: Samples) -> Samples:
    """The metrics of several, the later winning."""
    old = {name: values for each in samples for name, values in each.old.items()}
    return Samples(old, {name: values for each in samples for name, values in each.new.items()})


def _values(reader: SampleReader, name: str, service: str, window: Window) -> list[float]:
    start, end = window
    timed: list[tuple[int, float]] = []
    for series in reader.select(name, start=start, end=end, service=service):
        points = [(at, value) for at, value in series.points if not is_stale(value)]
        if series.type == "counter":
            pairs = pairwise(points)
            timed += [
                (later, 1000 * (after - before) / (later - earlier))
                for (earlier, before), (later, after) in pairs
                if after >= before and later > earlier
            ]
        else:
            timed += points
    return [value for _, value in sorted(timed)]
