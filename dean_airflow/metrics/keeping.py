"""Keeping what was collected: series that ended are marked so, and what the store could not take is tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from dean_airflow.metrics.collection import Collection
from dean_airflow.metrics.sample import STALE, Sample, is_stale, to_ms
from dean_airflow.metrics.series import SampleKeeper, SeriesKey
from dean_airflow.metrics.sources.making import SampleMaker

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(minutes=5)
"""How far back a value counts as there: a series not seen for so long has ended anyway."""
WAITING_AT_MOST = 200_000
"""Samples held while the store cannot take them; then the oldest go. Some 30 MB."""


class Keeping:
    """Writes the samples of one collection after another into a history."""

    def __init__(self, history: SampleKeeper) -> None:
        self._history = history
        self._alive: dict[str, dict[SeriesKey, Sample]] = {}
        self._seen: dict[str, dict[SeriesKey, Sample]] = {}
        self._left_out: dict[tuple[str, str], int] = {}
        self._waiting: list[Sample] = []

    async def keep(self, samples: Sequence[Sample]) -> None:
        """Keeps them, and those that are waiting. Raises StoreError; then they wait, and none is lost."""
        for sample in samples:
            self._seen.setdefault(sample.service, {})[SeriesKey(sample.service, sample.name, sample.labels)] = sample
        self._waiting.extend(samples)
        if len(self._waiting) > WAITING_AT_MOST:
            log.warning("The store takes no samples: the %d oldest are lost.", len(self._waiting) - WAITING_AT_MOST)
            del self._waiting[:-WAITING_AT_MOST]
        if not self._waiting:
            return
        kept = await self._call(self._history.append, self._waiting)
        self._waiting = []
        for key, count in kept.left_out.items():
            self._left_out[key] = self._left_out.get(key, 0) + count

    async def close(self, collection: Collection) -> None:
        """After the last samples of a collection: ends the series it did not have, and says what was left out.

        Raises StoreError.
        """
        at = to_ms(collection.at)
        services = [*collection.readings, *(name for name in collection.custom if name not in collection.readings)]
        unknown = [name for name in services if name not in self._alive]
        if unknown:
            self._alive.update(await self._alive_before(unknown, at))
        samples = [
            Sample(old.service, old.name, STALE, at, old.labels, old.type)
            for name in services
            for key, old in self._alive[name].items()
            if key not in self._seen.get(name, {})
        ]
        for name, reading in collection.readings.items():
            reasons = {reason: count for (service, reason), count in self._left_out.items() if service == name}
            if reading.left_out:
                reasons["not_usable"] = reading.left_out
            maker = SampleMaker(name, at)
            for reason, count in reasons.items():
                maker.add("dean_samples_dropped", count, {"service_name": name, "reason": reason})
            samples += maker.samples
        for name in services:
            self._alive[name] = self._seen.pop(name, {})
        self._left_out.clear()
        await self.keep(samples)
        for name in services:
            self._alive[name].update(self._seen.pop(name, {}))
            self._alive[name] = {key: one for key, one in self._alive[name].items() if not one.is_stale}

    async def _alive_before(self, services: Iterable[str], at: int) -> dict[str, dict[SeriesKey, Sample]]:
        """What another process, or this one in an earlier life, saw of these services."""
        found: dict[str, dict[SeriesKey, Sample]] = {name: {} for name in services}
        start = at - int(LOOK_BACK.total_seconds() * 1000)
        for series in await self._call(self._read, start, at - 1):
            time, value = series.points[-1]
            if series.service in found and not is_stale(value):
                found[series.service][series.key] = Sample(
                    series.service, series.name, value, time, series.labels, series.type
                )
        return found

    def _read(self, start: int, end: int) -> Any:
        return self._history.select(start=start, end=end)

    async def _call(self, function: Any, *arguments: Any) -> Any:
        if self._history.blocks:
            return await asyncio.to_thread(function, *arguments)
        return function(*arguments)
