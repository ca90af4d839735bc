"""The topic `alerts`: which alerts come, change and go, and that silences changed."""

from __future__ import annotations

from collections.abc import Sequence

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.feed.services_source import METRICS_DAG
from dean_airflow.metrics.alerts.judging import summary_of
from dean_airflow.store.store import Store

ALERTS = "alerts"
REPLAYED = 2000
SILENCE = "silence"


class AlertsSource:
    dag: str | None = METRICS_DAG
    pause = 0.2

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self) -> Position | None:
        return Position((self._store.changes.head(ALERTS),))

    def snapshot(self, head: Position) -> Sequence[Frame]:
        alerts = [summary_of(alert) for alert in self._store.alerts.list()]
        return [Frame("snapshot", ALERTS, head, {"alerts": alerts}, store=self._store.id)]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        if not until.covers(after):
            return None
        changes = self._store.changes.between(ALERTS, after.counts[0], until.counts[0], REPLAYED)
        if changes is None:
            return None
        known = {alert.fingerprint: alert for alert in self._store.alerts.list(("pending", "firing", "resolved"))}
        frames = []
        for change in changes:
            alert = known.get(change.subject)
            data = {
                "fingerprint": None if change.kind == SILENCE else change.subject,
                "change": change.kind,
                "alert": None if alert is None else summary_of(alert),
            }
            frames.append(Frame("alert_update", ALERTS, Position((change.sequence,)), data, store=self._store.id))
        return frames

    def gone(self) -> Frame:
        raise AssertionError("the list of alerts is always there")
