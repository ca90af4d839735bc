"""The history of all samples in the store: full for two days, by minute for a month, by hour for a year."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import cast

from dean_airflow.metrics.aggregate import Rollup, SeriesRange, merge, roll_up
from dean_airflow.metrics.sample import MetricType, Sample, to_ms
from dean_airflow.metrics.series import Kept, Matcher, Series, SeriesKey, in_ms
from dean_airflow.store.sample_chunks import HOUR, HOURS, MINUTE, MINUTES, RAW, STEPS
from dean_airflow.store.series import Identity, KnownSeries
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

KEEP = {RAW: timedelta(hours=48), MINUTES: timedelta(days=30), HOURS: timedelta(days=365)}
"""How long each tier is kept."""
LATE = timedelta(minutes=5)
"""How long after an hour its rollups wait for samples that come late; and how far clocks may be ahead."""
SET_BACK_AT_MOST = timedelta(hours=2)
"""A clock further behind the newest sample is itself wrong: nothing is removed for its sake."""
SERIES_AT_MOST = 5000
"""Series that one service may have at a time unless the caller says otherwise: more is a label that should be none."""
POINTS_AT_MOST = 500
"""Of a range whose step is not given: as many as a chart can show."""
PACK_FROM = 20_000
"""Samples that one process writes before it packs, should nobody else."""
Rolled = dict[int, list[Rollup]]
"""By series; each with the time it begins at, in order."""
_STEPS = (15_000, 30_000, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR)


class History:
    """Reads and writes samples; a `SampleReader`. Usable from several threads and processes at once."""

    blocks = True
    """Its methods wait for a database: not for an event loop."""

    def __init__(self, store: Store, series_at_most: int = SERIES_AT_MOST) -> None:
        self._store = store
        self._series_at_most = series_at_most
        self._ids: dict[Identity, int] = {}
        self._unpacked = 0

    def append(
        self, samples: Iterable[Sample], *, now: datetime | None = None, help_of: Callable[[str], str] | None = None
    ) -> Kept:
        """Keeps the samples; those it says are kept are on disk. Samples may come late, or twice, in any order.

        Left out: older than two days, more than five minutes ahead of `now` (the store's clock), and those of new
        series of a service that has too many. Raises StoreError, and then none is kept.
        """
        moment = to_ms(now or self._store.now())
        oldest, newest = moment - _ms(KEEP[RAW]), moment + _ms(LATE)
        given = list(samples)
        usable = [sample for sample in given if oldest <= sample.time <= newest]
        left_out: Counter[tuple[str, str]] = Counter()
        if len(usable) < len(given):
            left_out.update((one.service, "too_old") for one in given if one.time < oldest)
            left_out.update((one.service, "in_future") for one in given if one.time > newest)
        rows, new = self._rows(usable)
        if new:
            self._learn(new, help_of)
            more, over = self._rows(new)
            rows += more
            left_out.update((one.service, "series_limit") for one in over)
        self._store.samples.add(rows)
        for (service, reason), count in left_out.items():
            if reason != "series_limit":
                continue
            log.warning(
                "%s has more than %d series; %d samples of new ones are left out: one of its labels takes too many.",
                service,
                self._series_at_most,
                count,
            )
        self._unpacked += len(rows)
        if self._unpacked >= PACK_FROM:
            self.pack()
        return Kept(len(rows), left_out)

    def select(
        self,
        name: str | None = None,
        *,
        start: datetime | int,
        end: datetime | int,
        service: str | None = None,
        matchers: Iterable[Matcher] = (),
    ) -> list[Series]:
        """As `SampleReader` says. Samples are kept for two days; older ones are in `range` only."""
        found = self._find(name, service, matchers)
        points = self._store.samples.points(list(found), in_ms(start), in_ms(end))
        return [
            Series(_key(known), cast(MetricType, known.type), points[series_id])
            for series_id, known in found.items()
            if series_id in points
        ]

    def range(
        self,
        name: str | None = None,
        *,
        start: datetime | int,
        end: datetime | int,
        step: timedelta | None = None,
        service: str | None = None,
        matchers: Iterable[Matcher] = (),
        at_most: int | None = None,
    ) -> list[SeriesRange]:
        """The series over start ≤ time < end, in steps aligned to 1970, from the coarsest tier that has them exactly.
        With `at_most` only the first so many of them, by service and labels.

        Without a `step`, one that gives at most 500 of them. A step that a tier no longer has for the beginning of the
        range is made longer. Raises StoreError, and ValueError as `select` does or for a step below one second.
        """
        first, last = in_ms(start), in_ms(end)
        length = self._usable_step(first, last, step)
        first = first // length * length
        found = self._find(name, service, matchers)
        if at_most is not None:
            found = dict(islice(found.items(), at_most))
        if length % MINUTE:
            rolled = self._from_samples(found, first, last, length)
        else:
            rolled = self._from_rollups(found, first, last, HOURS if length % HOUR == 0 else MINUTES)
        as_it_is = length in (MINUTE, HOUR) or length % MINUTE != 0
        return [
            SeriesRange(
                _key(known),
                cast(MetricType, known.type),
                length,
                rolled[number] if as_it_is else _regroup(known.type, rolled[number], length),
            )
            for number, known in found.items()
            if rolled.get(number)
        ]

    def count(self, name: str | None = None, *, service: str | None = None, matchers: Iterable[Matcher] = ()) -> int:
        """How many series there are of what `range` is asked for. Raises StoreError; ValueError as `select`."""
        return len(self._find(name, service, matchers))

    def roll_up(self, now: datetime | None = None) -> int:
        """Packs what is new and rolls up the hours that are over; answers how many hours of series. For every minute.

        Samples from the future, left by a clock that has been set back since by up to two hours, are removed: when
        their time comes they would look as if counters had restarted. Raises StoreError.
        """
        moment = to_ms(now or self._store.now())
        self._remove_future(moment)
        self.pack()
        settled = self._store.sample_keeping.settle(roll_up, moment - _ms(LATE))
        if settled:
            self.purge(now)
        return settled

    def pack(self) -> None:
        self._store.sample_keeping.pack()
        self._unpacked = 0

    def purge(self, now: datetime | None = None) -> dict[str, int]:
        """Removes what is older than its tier is kept; how many chunks of each tier and series. Raises StoreError."""
        moment = to_ms(now or self._store.now())
        removed = {
            name: self._store.sample_keeping.purge(tier, moment - _ms(KEEP[tier]))
            for name, tier in (("sample_hours", RAW), ("minute_rollups", MINUTES), ("hour_rollups", HOURS))
        }
        removed["series"] = self._store.series.remove_unused(moment - _ms(KEEP[RAW]))
        if removed["series"]:
            self._ids.clear()
        return removed

    def _remove_future(self, moment: int) -> None:
        ahead = (self._store.samples.newest() or 0) - moment
        if _ms(LATE) < ahead <= _ms(SET_BACK_AT_MOST):
            removed = self._store.sample_keeping.remove_after(moment)
            log.warning("The clock was set back: %d samples that lay in the future are removed.", removed)

    def _rows(self, samples: Iterable[Sample]) -> tuple[list[tuple[int, int, float]], list[Sample]]:
        """The samples as rows, and those whose series are not known."""
        known, rows, new = self._ids, [], []
        for sample in samples:
            series_id = known.get((sample.service, sample.name, sample.labels))
            if series_id is None:
                new.append(sample)
            else:
                rows.append((series_id, sample.time, sample.value))
        return rows, new

    def _learn(self, samples: Iterable[Sample], help_of: Callable[[str], str] | None) -> None:
        wanted: dict[Identity, tuple[str, str]] = {}
        for sample in samples:
            identity = (sample.service, sample.name, sample.labels)
            if identity not in self._ids and identity not in wanted:
                wanted[identity] = (sample.type, help_of(sample.name) if help_of else "")
        if wanted:
            self._ids.update(self._store.series.ids(wanted, self._series_at_most))

    def _find(self, name: str | None, service: str | None, matchers: Iterable[Matcher]) -> dict[int, KnownSeries]:
        asked = tuple(matchers)
        return {
            known.id: known
            for known in self._store.series.find(name, service)
            if all(matcher.matches(known.service, known.labels) for matcher in asked)
        }

    def _usable_step(self, first: int, last: int, step: timedelta | None) -> int:
        if step is None:
            length = next((one for one in _STEPS if (last - first) / one <= POINTS_AT_MOST), _STEPS[-1])
        else:
            length = _ms(step)
            if length < 1000:
                raise ValueError(f"a step of {step} is too short: one second is the shortest")
        age = to_ms(self._store.now()) - first
        if age > _ms(KEEP[RAW]) and length % MINUTE:
            length = -(-length // MINUTE) * MINUTE
        if age > _ms(KEEP[MINUTES]) and length % HOUR:
            length = -(-length // HOUR) * HOUR
        return length

    def _from_samples(
        self, found: Mapping[int, KnownSeries], first: int, last: int, step: int
    ) -> dict[int, list[Rollup]]:
        points = self._store.samples.points(list(found), first, last - 1)
        return {
            number: _at_times(roll_up(found[number].type, some, 0, step), 0, step) for number, some in points.items()
        }

    def _from_rollups(self, found: Mapping[int, KnownSeries], first: int, last: int, tier: int) -> Rolled:
        ids, step = list(found), STEPS[tier]
        open_hours = self._store.samples.unsettled(ids, first, last - 1)
        rolled = self._store.samples.rollups(tier, ids, first, last - 1)
        for number, hours in open_hours.items():
            stale = {begin for begin, _ in hours}  # what was rolled up of them before is not true any more
            united = [one for one in rolled.get(number, []) if one[0] // HOUR * HOUR not in stale]
            for begin, points in hours:
                fresh = _at_times(roll_up(found[number].type, points, begin, step), begin, step)
                united += [rollup for rollup in fresh if first <= rollup[0] < last]
            rolled[number] = sorted(united)
        return rolled


def _at_times(rollups: Iterable[Rollup], start: int, step: int) -> list[Rollup]:
    return [(start + place * step, *figures) for place, *figures in rollups]  # type: ignore[misc]


def _regroup(kind: str, rollups: list[Rollup], step: int) -> list[Rollup]:
    """Rollups in order of time as rollups of longer steps."""
    groups: dict[int, list[Rollup]] = {}
    for rollup in rollups:
        groups.setdefault(rollup[0] // step * step, []).append(rollup)
    return [(time, *merge(kind, group)[1:]) for time, group in groups.items()]


def _key(known: KnownSeries) -> SeriesKey:
    return SeriesKey(known.service, known.name, known.labels)


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
