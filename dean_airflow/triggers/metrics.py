"""Collecting every few seconds in the triggerer, for an asset to be watched with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from dean_airflow.config import Settings
    from dean_airflow.metrics.collector import MetricsCollector
    from dean_airflow.store.alert_notices import Notice
    from dean_airflow.store.store import Store

RUN = "dean metrics trigger"
PAUSE = 5.0
"""Seconds until it tries again what could not even begin, such as for a store that is away."""


class MetricsTrigger(BaseEventTrigger):
    """Collects, keeps, rolls up and asks the alert rules; an event for every change of alerts.

    `Asset("dean_alert", watchers=[AssetWatcher(name="dean_metrics", trigger=MetricsTrigger())])`

    The event's payload holds `alerts`, as an event of the asset from `dean_metrics_collection` does. The configured
    receivers are told, too. Runs beside that DAG or instead of it: each alert is told once, whoever saw it first.

    :param interval: seconds between two collections; by default the setting `metrics_interval`.
    """

    def __init__(self, interval: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.interval = interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "dean_airflow.triggers.metrics.MetricsTrigger", {"interval": self.interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from dean_airflow.errors import DeanError
        from dean_airflow.store.store import Store

        while True:
            try:
                settings, setup = await asyncio.to_thread(_prepare)
                store = await asyncio.to_thread(Store.open, settings.store)
                try:
                    async with setup.opened(store, interval=float(self.interval or settings.metrics_interval)) as one:
                        async for alerts in self._watch(one, store, settings):
                            yield TriggerEvent({"alerts": alerts})  # type: ignore[no-untyped-call]
                finally:
                    await asyncio.to_thread(store.close)
            except DeanError as error:
                self.log.warning("Metrics cannot be collected now: %s", error)
            await asyncio.sleep(PAUSE)

    async def _watch(
        self, collector: MetricsCollector, store: Store, settings: Settings
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The alerts of each change. They are recorded as told only when the event has been taken: told twice is better
        than never. Raises DeanError.
        """
        from dean_airflow.metrics.alerts.engine import evaluate_in_force

        due = time.monotonic()
        while True:
            await collector.collect()
            await collector.roll_up_if_due()
            await asyncio.to_thread(evaluate_in_force, store, settings.alert_rules, store.now())
            owed = await asyncio.to_thread(_owed, store)
            if owed:
                yield [notice.alert for notice in owed]
            await asyncio.to_thread(_deliver, store, settings)
            due = max(due + collector.interval, time.monotonic())
            await asyncio.sleep(due - time.monotonic())


def _prepare() -> tuple[Settings, Any]:
    from dean_airflow.airflow_settings import settings_in_process
    from dean_airflow.metrics_setup import collector_setup

    settings = settings_in_process()
    return settings, collector_setup(settings)


def _owed(store: Store) -> list[Notice]:
    from dean_airflow.metrics.alerts.delivery import owed
    from dean_airflow.operators.alerts import AssetReceiver

    return owed(store, AssetReceiver())


def _deliver(store: Store, settings: Settings) -> None:
    from dean_airflow.hooks.task_pool import task_pool
    from dean_airflow.metrics.alerts.delivery import deliver
    from dean_airflow.notifications.receivers import receivers
    from dean_airflow.operators.alerts import AssetReceiver

    if store.notices.count_open():
        deliver(store, [AssetReceiver(), *receivers(settings, task_pool(), {})], RUN)
