"""Keeping samples small: the journal packed into chunks, rollups made of hours that are over, what is old removed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, not_, select, text, update
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.metric_models import ChunkRow, SampleRow, SeriesRow
from dean_airflow.store.packing import Point, Rollup, pack_points, pack_rollups, unpack_points, unpack_rollups
from dean_airflow.store.sample_chunks import (
    HOUR,
    HOURS,
    MINUTE,
    MINUTES,
    RAW,
    SPANS,
    STEPS,
    WEEK,
    in_order,
    put_chunks,
    read_chunks,
)
from dean_airflow.store.series import SeriesCatalogue, lumps
from dean_airflow.store.tallies import NEWEST_SAMPLE, set_tally, tally

PACKED_AT_ONCE = 50_000
"""Samples that one transaction packs: some megabytes, and less than a second of a lock."""
SETTLED_AT_ONCE = 300
_LOCK = 0x6465616F  # any constant all versions agree on: "deao"

RollUp = Callable[[str, Sequence[Point], int, int], list[Rollup]]
"""(type of the series, its points, start of the chunk, milliseconds a rollup covers) → the chunk's rollups."""


class SampleKeeping:
    """Several processes may do any of it at once; one at a time does."""

    def __init__(self, database: Database, series: SeriesCatalogue) -> None:
        self._database = database
        self._series = series

    def pack(self) -> int:
        """Moves the journal into chunks; how many samples it moved. Several processes may do so at once."""
        moved = 0
        while count := self._database.write(self._pack_some):
            moved += count
        return moved

    def settle(self, roll_up: RollUp, before: int) -> int:
        """Makes the rollups of every hour that ended by `before` (ms) and has samples not rolled up; how many hours.

        Before it, the journal must be packed. An hour that gets samples later is settled anew.
        """
        settled = 0
        while True:
            count = self._database.write(lambda session: self._settle_some(session, roll_up, before))
            settled += count
            if count < SETTLED_AT_ONCE:
                return settled

    def purge(self, tier: int, before: int) -> int:
        """Removes the tier's chunks that ended by `before` (ms), samples only if rolled up; how many it removed."""
        statement = delete(ChunkRow).where(
            ChunkRow.tier == tier, ChunkRow.start <= before - SPANS[tier], ChunkRow.settled.is_(True)
        )
        return self._database.write(lambda session: int(session.connection().execute(statement).rowcount))

    def remove_after(self, time: int) -> int:
        """Removes samples, and rollups of them, that lie after `time` (ms); how many samples it removed."""
        return self._database.write(lambda session: self._remove_after(session, time))

    def _pack_some(self, session: Session) -> int:
        self._one_at_a_time(session)
        rows = self._take_some(session)
        if not rows:
            return 0
        by_series: dict[int, list[Point]] = defaultdict(list)
        for _, series_id, time, value in rows:
            by_series[series_id].append((time, math.nan if value is None else value))
        fresh = {
            (series_id, hour): some
            for series_id, points in by_series.items()
            for hour, some in _by_hour(points).items()
        }
        known = self._series.existing(session, {key[0] for key in fresh})
        for some in lumps((key for key in fresh if key[0] in known), 1000):
            self._merge(session, {key: fresh[key] for key in some})
        self._remember_newest(session, max(row[2] for row in rows))
        return len(rows)

    def _take_some(self, session: Session) -> list[tuple[int, int, int, float | None]]:
        """Takes samples out of the journal, in the order they came: all, or of very many the oldest.

        As the driver gives them, because making rows of so many costs more than packing them.
        """
        run = session.connection().exec_driver_sql
        if not self._database.is_sqlite:
            some = run("SELECT count(*) FROM (SELECT 1 FROM dean_samples LIMIT %s) AS journal", (PACKED_AT_ONCE + 1,))
            if (some.scalar() or 0) <= PACKED_AT_ONCE:
                # Deleted rows would lie in the way until a vacuum. The lock waits for those who write; they then wait
                # for the packing, and nothing comes in between.
                run("LOCK TABLE dean_samples IN ACCESS EXCLUSIVE MODE")
                taken = run("SELECT id, series_id, time, value FROM dean_samples").cursor.fetchall()
                if taken:
                    run("TRUNCATE TABLE dean_samples")
                return sorted(taken)
        first = session.scalar(select(func.min(SampleRow.id)))
        if first is None:
            return []
        # Deleted and read in one: another process may commit an earlier id at any moment.
        mark = "?" if self._database.is_sqlite else "%s"
        statement = f"DELETE FROM dean_samples WHERE id < {mark} RETURNING id, series_id, time, value"
        return sorted(run(statement, (first + PACKED_AT_ONCE,)).cursor.fetchall())

    def _merge(self, session: Session, fresh: dict[tuple[int, int], list[Point]]) -> None:
        ids, starts = {key[0] for key in fresh}, {key[1] for key in fresh}
        kept = {
            (series_id, begin): unpack_points(data, begin)
            for series_id, begin, _, data in read_chunks(session, RAW, ids, min(starts), max(starts))
            if (series_id, begin) in fresh
        }
        put_chunks(
            session,
            RAW,
            False,
            [
                (series_id, begin, pack_points(in_order([*kept.get((series_id, begin), []), *points]), begin))
                for (series_id, begin), points in fresh.items()
            ],
        )
        for start in starts:
            self._series.seen(session, [key[0] for key in fresh if key[1] == start], start)

    def _settle_some(self, session: Session, roll_up: RollUp, before: int) -> int:
        self._one_at_a_time(session)
        statement = (
            select(ChunkRow.series_id, ChunkRow.start, ChunkRow.data, SeriesRow.type)
            .join(SeriesRow, SeriesRow.id == ChunkRow.series_id)
            .where(not_(ChunkRow.settled), ChunkRow.start <= before - HOUR)
            .limit(SETTLED_AT_ONCE)
        )
        rows = session.execute(statement).all()
        minutes: list[tuple[int, int, bytes]] = []
        weeks: dict[tuple[int, int], list[Rollup]] = defaultdict(list)
        for series_id, start, data, kind in rows:
            points = unpack_points(data, start)
            if by_minute := roll_up(kind, points, start, MINUTE):
                minutes.append((series_id, start, pack_rollups(by_minute)))
            week = start // WEEK * WEEK
            for _, *figures in roll_up(kind, points, start, HOUR):
                weeks[series_id, week].append(((start - week) // HOUR, *figures))  # type: ignore[arg-type]
        put_chunks(session, MINUTES, True, minutes)
        self._put_hours(session, weeks)
        put_chunks(session, RAW, True, [(series_id, start, data) for series_id, start, data, _ in rows])
        return len(rows)

    def _put_hours(self, session: Session, weeks: dict[tuple[int, int], list[Rollup]]) -> None:
        if not weeks:
            return
        ids, starts = {key[0] for key in weeks}, {key[1] for key in weeks}
        kept: dict[tuple[int, int], list[Rollup]] = {
            (series_id, begin): unpack_rollups(data)
            for series_id, begin, _, data in read_chunks(session, HOURS, ids, min(starts), max(starts))
        }
        rows = []
        for (series_id, week), rollups in weeks.items():
            united = {rollup[0]: rollup for rollup in [*kept.get((series_id, week), []), *rollups]}
            if united:
                rows.append((series_id, week, pack_rollups([united[hour] for hour in sorted(united)])))
        put_chunks(session, HOURS, True, rows)

    def _remove_after(self, session: Session, time: int) -> int:
        self._one_at_a_time(session)
        connection = session.connection()
        removed = int(connection.execute(delete(SampleRow).where(SampleRow.time > time)).rowcount)
        for tier, span in SPANS.items():
            late = ChunkRow.tier == tier, ChunkRow.start + span > time
            rows = connection.execute(select(ChunkRow.series_id, ChunkRow.start, ChunkRow.data).where(*late)).all()
            connection.execute(delete(ChunkRow).where(*late))
            kept = []
            for series_id, start, data in rows:
                if tier == RAW:
                    points = unpack_points(data, start)
                    rest = [point for point in points if point[0] <= time]
                    removed += len(points) - len(rest)
                    packed = pack_points(rest, start) if rest else b""
                else:
                    rollups = [one for one in unpack_rollups(data) if start + one[0] * STEPS[tier] <= time]
                    packed = pack_rollups(rollups) if rollups else b""
                if packed:
                    kept.append((series_id, start, packed))
            put_chunks(session, tier, tier != RAW, kept)
        connection.execute(update(SeriesRow).where(SeriesRow.seen_at > time).values(seen_at=time // HOUR * HOUR))
        set_tally(session, NEWEST_SAMPLE, time)
        return removed

    def _remember_newest(self, session: Session, time: int) -> None:
        known = tally(session, NEWEST_SAMPLE)
        if known is None or known < time:
            set_tally(session, NEWEST_SAMPLE, time)

    def _one_at_a_time(self, session: Session) -> None:
        """Packing reads, changes and writes chunks: SQLite's transaction keeps others out, PostgreSQL needs a lock."""
        if not self._database.is_sqlite:
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _by_hour(points: list[Point]) -> dict[int, list[Point]]:
    """The points by the hour they lie in, in the order they came."""
    first, last = min(points)[0] // HOUR * HOUR, max(points)[0] // HOUR * HOUR
    if first == last:
        return {first: points}
    hours: dict[int, list[Point]] = {}
    for point in points:
        hours.setdefault(point[0] // HOUR * HOUR, []).append(point)
    return hours
