"""The collector: one of the three components this project is about. Collects, keeps, sums up and tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from dean_airflow.errors import DeanError, StoreError
from dean_airflow.metrics.collection import Asking, Collection, Handler
from dean_airflow.metrics.health_alerts import HealthAlerts
from dean_airflow.metrics.history import History
from dean_airflow.metrics.keeping import Keeping
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import from_ms, is_stale
from dean_airflow.metrics.series import SampleKeeper, Series
from dean_airflow.metrics.sources.registry import EndpointOf, SourceContext, every_source
from dean_airflow.metrics.sources.source import Source
from dean_airflow.metrics.summing_up import summed_up
from dean_airflow.store.store import utc_now

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two collections of the live loop; the contract allows 15 to 30."""
ROLL_UP_EVERY = 60.0

OnCollection = Callable[[dict[str, Any]], Awaitable[None] | None]


class MetricsCollector:
    """Asks sources about metrics and health, and keeps the answers. One event loop at a time.

    `sources` are asked; see `every_source` for those of an installation. Samples go to `history`: by default one in
    memory that keeps `history_retention_hours`; with `enable_history=False` to none. `interval` is in seconds. `now`
    gives the time, aware; durations are taken from the monotonic clock.
    """

    def __init__(
        self,
        sources: Iterable[Source] = (),
        *,
        history: SampleKeeper | None = None,
        enable_history: bool = True,
        history_retention_hours: float = 24,
        interval: float = INTERVAL,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if history is None and enable_history:
            history = MemoryHistory(timedelta(hours=history_retention_hours))
        self.history = history
        self.interval = interval
        self._now = now
        self._asking = Asking(sources)
        self._keeping = Keeping(history) if history is not None else None
        self._alerts = HealthAlerts()
        self._monitoring: asyncio.Task[None] | None = None
        self._rolled_up = time.monotonic()

    @classmethod
    def of_installation(
        cls,
        context: SourceContext,
        endpoint_of: EndpointOf | None = None,
        **options: Any,
    ) -> MetricsCollector:
        """The collector of all sources of an installation, with its store's history. Raises ConfigurationError."""
        history = History(context.store, context.settings.metrics_series_limit)
        return cls(
            every_source(context, context.settings.metrics_sources, endpoint_of),
            history=history,
            now=context.store.now,
            **options,
        )

    @property
    def sources(self) -> list[Source]:
        return list(self._asking.sources)

    def register_metric_handler(self, service: str, handler: Handler) -> None:
        """`handler` is called at every collection; its answer is the service's `custom`, its numbers become samples.

        A handler that raises, or takes longer than five seconds, is told there and harms nobody else.
        """
        self._asking.handlers[service] = handler

    async def collect_all_metrics(self) -> dict[str, Any]:
        """One collection: `timestamp, services, collection_time_ms`.

        Per service `health{status, …}` and `metrics{…}`, `error` where it could not be collected, `custom` where a
        handler is registered. All are asked at once. Raises StoreError if the samples could not be kept; they are
        then kept with the next collection, unless this process ends before.
        """
        return (await self.collect()).shown()

    async def collect(self) -> Collection:
        """The same as an object. Raises StoreError."""
        collection = Collection(self._now())
        failure: StoreError | None = None
        async for samples in self._asking.collect(collection):
            failure = await self._try(self._keeping.keep(samples) if self._keeping else None) or failure
        self._alerts.update(collection)
        failure = await self._try(self._keeping.close(collection) if self._keeping else None) or failure
        if failure is not None:
            raise failure
        return collection

    async def start_monitoring(self, on_collection: OnCollection | None = None) -> None:
        """Starts collecting every `interval` seconds, the first time at once; each frame goes to `on_collection`.

        A cycle that fails is logged, and the next one comes all the same. Started already: nothing happens.
        """
        if self._monitoring is None or self._monitoring.done():
            self._monitoring = asyncio.create_task(self._monitor(on_collection), name="dean metrics")

    async def stop_monitoring(self) -> None:
        """Ends the loop, in the middle of a collection if need be."""
        task, self._monitoring = self._monitoring, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def get_alerts(self) -> list[dict[str, Any]]:
        """Services that are not healthy now, one entry each, however often that was seen: `service, severity, message,
        timestamp` (since when). `critical` for an unhealthy one, `warning` for a degraded one.
        """
        return self._alerts.active()

    def get_aggregated_metrics(self, time_window_minutes: float = 60) -> dict[str, Any]:
        """The health checks and the metrics of the window that ends now, summed up.

        `summary` (total_health_checks, healthy_services, degraded_services, unhealthy_services, by each service's last
        check), `time_range` (start, end), `services`: per service its checks by status, its availability (0..1) and of
        each metric what its kind allows. Raises StoreError.
        """
        end = self._now()
        start = end - timedelta(minutes=time_window_minutes)
        return summed_up(self._read(start, end), start, end)

    def get_metrics_history(self, service: str, metric: str, hours: float = 24) -> list[dict[str, Any]]:
        """`{timestamp, value}` of a metric of a service, oldest first; several series of it one after another in time.

        Raises StoreError.
        """
        end = self._now()
        points = [
            point
            for series in self._read(end - timedelta(hours=hours), end, metric, service)
            for point in series.points
            if not is_stale(point[1])
        ]
        return [{"timestamp": from_ms(time).isoformat(), "value": value} for time, value in sorted(points)]

    def _read(
        self, start: datetime, end: datetime, name: str | None = None, service: str | None = None
    ) -> list[Series]:
        if self.history is None:
            return []
        return self.history.select(name, start=start, end=end, service=service)

    async def _monitor(self, on_collection: OnCollection | None) -> None:
        due = time.monotonic()
        while True:
            try:
                frame = frame_of(await self.collect_all_metrics())
                if on_collection is not None and (answer := on_collection(frame)) is not None:
                    await answer
                await self.roll_up_if_due()
            except Exception as error:  # whatever it was, the next cycle may do better
                log.warning("A collection failed: %s", error if isinstance(error, DeanError) else repr(error))
            due = max(due + self.interval, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def roll_up_if_due(self) -> None:
        """Packs and rolls up what was collected, at most once a minute. Raises StoreError."""
        if isinstance(self.history, History) and time.monotonic() - self._rolled_up >= ROLL_UP_EVERY:
            self._rolled_up = time.monotonic()
            await asyncio.to_thread(self.history.roll_up)

    @staticmethod
    async def _try(work: Awaitable[None] | None) -> StoreError | None:
        try:
            if work is not None:
                await work
        except StoreError as error:
            return error
        return None


def frame_of(collected: dict[str, Any]) -> dict[str, Any]:
    """A collection as one message of a live feed."""
    return {
        "type": "metrics_update",
        "data": {"timestamp": collected["timestamp"], "services": collected["services"]},
    }
