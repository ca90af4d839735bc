"""DEAN's counters and gauges through Airflow's own metrics client: StatsD, Datadog or OpenTelemetry as it is set up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dean_airflow.metrics.aggregate import growth, latest
from dean_airflow.metrics.sample import is_stale, to_ms

if TYPE_CHECKING:
    from dean_airflow.metrics.history import History
    from dean_airflow.metrics.series import Series

SENT = ("dean", "trial")
"""The services whose metrics are sent: what Airflow and its hosts are like, deployments measure already."""
LOOK_BACK = timedelta(minutes=10)
_TOTAL = "dean_evolution_trials_total"


def send_stats(history: History, at: datetime) -> int:
    """Sends gauges as they are and counters by what they grew by since the collection before; how many it sent.

    `dean_trial_diversity` is sent as `dean.trial_diversity` with the labels as tags. Raises StoreError.
    """
    from airflow.sdk.observability.stats import gauge, incr

    now = to_ms(at)
    found = [
        series
        for service in SENT
        for series in history.select(service=service, start=at - LOOK_BACK, end=at + timedelta(seconds=1))
    ]
    since = _collected_before(found, now)
    sent = 0
    for series in found:
        name, tags = series.name.replace("_", ".", 1), dict(series.labels)
        if series.type == "gauge":
            if (value := latest(series)) is not None:
                gauge(name, value, tags=tags)
                sent += 1
        elif (grown := _grown(series, since)) > 0:
            incr(name, int(grown), tags=tags)
            sent += 1
    return sent


def _collected_before(found: list[Series], now: int) -> int:
    """The time of the collection before this one: what came later has not been sent yet."""
    times = [time for series in found if series.name == _TOTAL for time, _ in series.points if time < now]
    return max(times, default=now - int(LOOK_BACK.total_seconds() * 1000))


def _grown(series: Series, since: int) -> float:
    points = [point for point in series.points if not is_stale(point[1])]
    earlier = [value for time, value in points if time <= since]
    later = [value for time, value in points if time > since]
    return growth([*(earlier[-1:] or [0.0] if series.service == "trial" else earlier[-1:]), *later])
