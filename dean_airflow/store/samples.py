"""Samples and their rollups as rows: written one by one into a journal, packed by series and hour soon after.

The journal makes writing fast and takes samples from any number of processes; packing makes keeping small and reading
fast. What was packed is what was written: samples are never changed, and of two at the same time the first stays.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.metric_models import ChunkRow, SampleRow
from dean_airflow.store.packing import Point, Rollup, unpack_points, unpack_rollups
from dean_airflow.store.sample_chunks import HOUR, RAW, STEPS, in_order, read_chunks
from dean_airflow.store.tallies import NEWEST_SAMPLE, tally


class Samples:
    """Writing and reading; `SampleKeeping` packs and removes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Sequence[tuple[int, int, float]]) -> None:
        """Keeps (series id, time in ms, value) as they are; they are on disk when this returns."""
        if not rows:
            return
        if self._database.is_sqlite:
            # NaN, which SQLite has not, becomes NULL by itself.
            statement = "INSERT INTO dean_samples (series_id, time, value) VALUES (?, ?, ?)"
            self._database.write(lambda session: session.connection().exec_driver_sql(statement, list(rows)))
            return
        # Three arrays in one statement: as fast as COPY, and an error is met like that of any other statement.
        columns = tuple("{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True))
        statement = (
            "INSERT INTO dean_samples (series_id, time, value) "
            "SELECT * FROM unnest(%s::integer[], %s::bigint[], %s::double precision[])"
        )
        self._database.write(lambda session: session.connection().exec_driver_sql(statement, columns))

    def points(self, ids: Collection[int], start: int, end: int) -> dict[int, list[Point]]:
        """The samples of start ≤ time ≤ end by series, in order of time; series without any are left out."""

        def work(session: Session) -> dict[int, list[Point]]:
            # The journal first: what is packed in between is then read twice, not missed.
            newest = self._journal(session, ids, start, end)
            found: dict[int, list[Point]] = {}
            for series_id, begin, _, data in read_chunks(session, RAW, ids, start, end):
                points = unpack_points(data, begin, start, end)
                if points:
                    found.setdefault(series_id, []).extend(points)
            for series_id, points in newest.items():
                packed = found.setdefault(series_id, [])
                if packed and packed[-1][0] >= points[0][0]:
                    found[series_id] = in_order([*packed, *points])
                else:
                    packed.extend(points)
            return found

        return self._database.read(work)

    def rollups(self, tier: int, ids: Collection[int], start: int, end: int) -> dict[int, list[Rollup]]:
        """By series, the kept rollups that begin at start ≤ time ≤ end, each with that time, in order."""
        step = STEPS[tier]

        def work(session: Session) -> dict[int, list[Rollup]]:
            found: dict[int, list[Rollup]] = {}
            for series_id, begin, _, data in read_chunks(session, tier, ids, start, end):
                rollups = unpack_rollups(data, begin, step, start, end)
                if rollups:
                    found.setdefault(series_id, []).extend(rollups)
            return found

        return self._database.read(work)

    def unsettled(self, ids: Collection[int], start: int, end: int) -> dict[int, list[tuple[int, list[Point]]]]:
        """By series, the hours overlapping start..end (ms) without valid rollups so far, each with all its samples."""

        def work(session: Session) -> dict[int, list[tuple[int, list[Point]]]]:
            first, last = start // HOUR * HOUR, end // HOUR * HOUR + HOUR - 1
            fresh: dict[tuple[int, int], list[Point]] = defaultdict(list)
            for series_id, points in self._journal(session, ids, first, last).items():
                for point in points:
                    fresh[series_id, point[0] // HOUR * HOUR].append(point)
            open_hours: dict[tuple[int, int], list[Point]] = {}
            hours = {begin for _, begin in fresh}
            unsettled = or_(ChunkRow.settled.is_(False), ChunkRow.start.in_(hours))
            for series_id, begin, settled, data in read_chunks(session, RAW, ids, first, last, unsettled):
                if not settled or (series_id, begin) in fresh:
                    open_hours[series_id, begin] = unpack_points(data, begin)
            for key, points in fresh.items():
                open_hours[key] = in_order([*open_hours.get(key, []), *points])
            found: dict[int, list[tuple[int, list[Point]]]] = defaultdict(list)
            for (series_id, begin), points in sorted(open_hours.items(), key=lambda item: item[0]):
                found[series_id].append((begin, points))
            return found

        return self._database.read(work)

    def newest(self) -> int | None:
        """The time, in ms, of the newest sample; None if there is none."""

        def work(session: Session) -> int | None:
            times = (session.scalar(select(func.max(SampleRow.time))), tally(session, NEWEST_SAMPLE))
            return max((time for time in times if time is not None), default=None)

        return self._database.read(work)

    def _journal(self, session: Session, ids: Collection[int], start: int, end: int) -> dict[int, list[Point]]:
        statement = select(SampleRow.series_id, SampleRow.time, SampleRow.value).order_by(SampleRow.id)
        statement = statement.where(SampleRow.time.between(start, end))
        if len(ids) <= 50:  # with more, telling them apart here is faster
            statement = statement.where(SampleRow.series_id.in_(ids))
        wanted = set(ids)
        found: dict[int, list[Point]] = {}
        for series_id, time, value in session.execute(statement):
            if series_id in wanted:
                found.setdefault(series_id, []).append((time, math.nan if value is None else value))
        return {series_id: in_order(points) for series_id, points in found.items()}
