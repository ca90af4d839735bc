"""One collection: every source and handler asked at once, each within its own time, nobody held up by another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.metrics.sources.json_fields import add_numbers
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.source import Reading, Source
from dean_airflow.services.contract.health import ServiceHealth

Handler = Callable[[], Awaitable[Any]]
"""Answers anything JSON-able; the numbers in it become samples, named `dean_custom_<path>`."""

HANDLER_SECONDS = 5.0
CUSTOM = "dean_custom"
SOON = 0.05
"""Seconds after which what has answered so far is handed on, not to wait for those that take their whole time."""

_Done = tuple[str, Reading | None, Any, float]


@dataclass
class Collection:
    """What one collection gave, by service; `took` and `seconds` on the monotonic clock."""

    at: datetime
    readings: dict[str, Reading] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    took: float = 0.0

    @property
    def failed(self) -> list[str]:
        """The services that could not be collected."""
        return [name for name, reading in self.readings.items() if reading.error is not None]

    def shown(self) -> dict[str, Any]:
        """`timestamp, services, collection_time_ms`; per service `health` and `metrics`, on error `error`, and where
        a handler is registered `custom`.
        """
        services: dict[str, dict[str, Any]] = {}
        for name, reading in self.readings.items():
            health = reading.health.model_dump(exclude_none=True) if reading.health is not None else {}
            services[name] = {"health": health or {"status": "unknown"}, "metrics": reading.metrics}
            if reading.error is not None:
                services[name]["error"] = reading.error
        for name, custom in self.custom.items():
            services.setdefault(name, {})["custom"] = custom
        return {
            "timestamp": self.at.isoformat(),
            "services": services,
            "collection_time_ms": round(1000 * self.took, 1),
        }


class Asking:
    """Asks sources and handlers. One that does not even end when cancelled is left behind."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = list(sources)
        self.handlers: dict[str, Handler] = {}
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def collect(self, collection: Collection) -> AsyncIterator[list[Sample]]:
        """Fills the collection; gives the samples of those that answered soon, then of the others as they come."""
        at, begun = to_ms(collection.at), time.perf_counter()
        pending = {asyncio.ensure_future(self._ask(source, at)) for source in self.sources}
        pending |= {asyncio.ensure_future(self._call(name, one, at)) for name, one in self.handlers.items()}
        try:
            while pending:
                done, pending = await asyncio.wait(pending, timeout=SOON)
                samples: list[Sample] = []
                for task in done:
                    samples += self._add(collection, *task.result())
                collection.took = time.perf_counter() - begun
                if samples:
                    yield samples
        finally:
            for task in pending:
                task.cancel()

    def _add(
        self, collection: Collection, name: str, reading: Reading | None, custom: Any, seconds: float
    ) -> list[Sample]:
        if reading is None:
            shown, samples = custom
            collection.custom[name] = shown
            return list(samples)
        collection.readings[name] = reading
        collection.seconds[name] = seconds
        return reading.samples

    async def _ask(self, source: Source, at: int) -> _Done:
        begun = time.perf_counter()
        try:
            reading = await self._bounded(source.collect(at), source.timeout)
        except TimeoutError:
            reading = _failed(source.name, at, "Health check timeout", f"gave nothing within {source.timeout:g} s")
        except Exception as error:  # a source may be anyone's code
            text = str(error) or type(error).__name__
            reading = _failed(source.name, at, text, text)
        seconds = time.perf_counter() - begun
        maker = SampleMaker(source.name, at)
        of = {"service_name": source.name}
        maker.add("dean_collection_failed", reading.error is not None, of)
        maker.add("dean_collection_duration_seconds", seconds, of)
        return source.name, replace(reading, samples=[*reading.samples, *maker.samples]), None, seconds

    async def _call(self, service: str, handler: Handler, at: int) -> _Done:
        begun = time.perf_counter()
        maker = SampleMaker(service, at)
        try:
            custom = await self._bounded(_awaited(handler), HANDLER_SECONDS)
            add_numbers(maker, custom if isinstance(custom, Mapping) else {"value": custom}, CUSTOM)
        except TimeoutError:
            custom = {"error": f"gave nothing within {HANDLER_SECONDS:g} s"}
        except Exception as error:  # anyone's code
            custom = {"error": str(error) or type(error).__name__}
        return service, None, (custom, maker.samples), time.perf_counter() - begun

    async def _bounded(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:
        """Raises TimeoutError after `seconds`, also when the work ignores that it is cancelled."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            self._left_behind.add(task)
            task.add_done_callback(self._forget)
            raise TimeoutError
        return task.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not log it


async def _awaited(handler: Handler) -> Any:
    return await handler()


def _failed(name: str, at: int, health_error: str, error: str) -> Reading:
    maker = SampleMaker(name, at)
    maker.add("dean_service_health", 0, {"service_name": name})
    return Reading(ServiceHealth(status="unhealthy", error=health_error), {}, maker.samples, error)
