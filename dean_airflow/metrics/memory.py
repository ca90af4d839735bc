"""A history in memory: for a collector without a store, and for judging rules offline."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime, timedelta

from dean_airflow.metrics.sample import MetricType, Sample
from dean_airflow.metrics.series import Kept, Matcher, Point, Series, SeriesKey, in_ms

SAMPLES_AT_MOST = 500_000
"""Of all series together, the oldest going first: about 100 MB."""


class MemoryHistory:
    """Samples younger than `keep` before the newest one, within a bound. A `SampleReader`."""

    blocks = False

    def __init__(self, keep: timedelta = timedelta(hours=24), at_most: int = SAMPLES_AT_MOST) -> None:
        self._keep_ms = int(keep.total_seconds() * 1000)
        self._at_most = at_most
        self._series: dict[SeriesKey, Series] = {}
        self._newest = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, samples: Iterable[Sample]) -> Kept:
        """Keeps them; one that a series already has at that time is left as it was. Out of order is fine."""
        given = list(samples)
        for sample in given:
            self._add(SeriesKey(sample.service, sample.name, sample.labels), sample.type, (sample.time, sample.value))
            self._newest = max(self._newest, sample.time)
        self.purge(self._newest - self._keep_ms)
        if self._count > self._at_most:
            times = sorted(time for series in self._series.values() for time, _ in series.points)
            self.purge(times[self._count - self._at_most])
        return Kept(len(given))

    def select(
        self,
        name: str | None = None,
        *,
        start: datetime | int,
        end: datetime | int,
        service: str | None = None,
        matchers: Iterable[Matcher] = (),
    ) -> list[Series]:
        first, last, asked = in_ms(start), in_ms(end), tuple(matchers)
        found = []
        for key, series in sorted(
            self._series.items(), key=lambda item: (item[0].name, item[0].service, item[0].labels)
        ):
            if name not in (None, key.name) or service not in (None, key.service):
                continue
            if not all(matcher.matches(key.service, key.labels) for matcher in asked):
                continue
            begin, stop = _from(series.points, first), bisect_right(series.points, last, key=lambda point: point[0])
            if begin < stop:
                found.append(Series(key, series.type, series.points[begin:stop]))
        return found

    def purge(self, before: int) -> None:
        """Forgets the samples older than that time, in milliseconds since 1970."""
        for key in list(self._series):
            points = self._series[key].points
            gone = _from(points, before)
            del points[:gone]
            self._count -= gone
            if not points:
                del self._series[key]

    def _add(self, key: SeriesKey, kind: MetricType, point: Point) -> None:
        points = self._series.setdefault(key, Series(key, kind)).points
        if not points or points[-1][0] < point[0]:
            points.append(point)
        elif (place := _from(points, point[0])) < len(points) and points[place][0] == point[0]:
            return
        else:
            insort(points, point, key=lambda other: other[0])
        self._count += 1


def _from(points: list[Point], time: int) -> int:
    return bisect_left(points, time, key=lambda point: point[0])
