"""DEAN's counters and gauges through Airflow's own metrics client: StatsD, Datadog or OpenTelemetry as it is set up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dean_airflow.metrics.aggregate import growth, latest
from dean_airflow.metrics.sample import is_stale, to_ms
from dean_airflow.store.tallies import set_tally, tally

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dean_airflow.metrics.history import History
    from dean_airflow.metrics.series import Series
    from dean_airflow.store.store import Store

SENT = ("dean", "trial")
"""The services whose metrics are sent: what Airflow and its hosts are like, deployments measure already."""
LOOK_BACK = timedelta(minutes=10)
_SENT_UNTIL = "stats_sent"


def send_stats(store: Store, history: History, at: datetime) -> int:
    """Sends gauges as they are and counters by what they grew by since they were last sent; how many it sent.

    `dean_trial_diversity` is sent as `dean.trial_diversity` with the labels as tags. Raises StoreError.
    """
    from airflow.sdk.observability.stats import gauge, incr

    since = _last_sent(store, to_ms(at))
    found = [
        series
        for service in SENT
        for series in history.select(service=service, start=at - LOOK_BACK, end=at + timedelta(seconds=1))
    ]
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


def _last_sent(store: Store, now: int) -> int:
    """Up to when counters were sent, remembering that from now on they are up to `now`. After a long pause they are
    sent for the last minutes only.
    """

    def work(session: Session) -> int | None:
        before = tally(session, _SENT_UNTIL)
        set_tally(session, _SENT_UNTIL, now)
        return before

    return max(store.database.write(work) or 0, now - int(LOOK_BACK.total_seconds() * 1000))


def _grown(series: Series, since: int) -> float:
    points = [point for point in series.points if not is_stale(point[1])]
    earlier = [value for time, value in points if time <= since]
    later = [value for time, value in points if time > since]
    return growth([*(earlier[-1:] or [0.0] if series.service == "trial" else earlier[-1:]), *later])
