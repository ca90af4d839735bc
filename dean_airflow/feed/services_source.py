"""The topics `services` and `metrics`: how services are and what is measured, as last collected.

Each frame is the whole, so there is nothing to replay: only whether something was collected since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.metrics import views
from dean_airflow.metrics.history import History
from dean_airflow.store.store import Store

SERVICES, METRICS = "services", "metrics"
METRICS_DAG = "dean_metrics_collection"
"""Whose runs those may read who may see what was collected, and alerts."""


class CollectedSource:
    """`read` gives the data of a frame of this type."""

    dag: str | None = METRICS_DAG
    pause = 1.0

    def __init__(self, store: Store, topic: str, kind: str, read: Callable[[Store], dict[str, Any]]) -> None:
        self._store, self._topic, self._type, self._read = store, topic, kind, read

    def head(self) -> Position | None:
        return Position((self._store.samples.newest() or 0,))

    def snapshot(self, head: Position) -> Sequence[Frame]:
        return [Frame(self._type, self._topic, head, self._read(self._store), store=self._store.id)]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        return self.snapshot(until)

    def gone(self) -> Frame:
        raise AssertionError("what was collected is always there")


def services_source(store: Store) -> CollectedSource:
    return CollectedSource(store, SERVICES, "status_update", status)


def metrics_source(store: Store) -> CollectedSource:
    return CollectedSource(store, METRICS, "metrics_update", newest_values)


def status(store: Store) -> dict[str, Any]:
    """The aggregate of all services. Raises StoreError."""
    return views.system_status(History(store), store.now())


def newest_values(store: Store) -> dict[str, Any]:
    """By service, its health and its metrics. Raises StoreError."""
    return views.last_collected(History(store), store.now())
