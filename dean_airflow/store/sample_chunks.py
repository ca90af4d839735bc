"""Chunks: the samples of one series and hour, or its rollups of an hour or a week, packed into one row each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dean_airflow.store.metric_models import ChunkRow
from dean_airflow.store.packing import Point
from dean_airflow.store.series import lumps

RAW, MINUTES, HOURS = 0, 1, 2
"""The tiers: samples, rollups by minute, rollups by hour."""
MINUTE, HOUR, WEEK = 60_000, 3_600_000, 604_800_000
SPANS = {RAW: HOUR, MINUTES: HOUR, HOURS: WEEK}
"""Milliseconds that one chunk of a tier covers; chunks begin at multiples of it since 1970, UTC."""
STEPS = {MINUTES: MINUTE, HOURS: HOUR}
"""Milliseconds that one rollup covers."""


def read_chunks(
    session: Session, tier: int, ids: Collection[int], start: int, end: int, *conditions: ColumnElement[bool]
) -> Iterable[tuple[int, int, bool, bytes]]:
    """Those that meet the conditions, in order of time for each series."""
    for some in lumps(ids):
        statement = select(ChunkRow.series_id, ChunkRow.start, ChunkRow.settled, ChunkRow.data).where(
            ChunkRow.series_id.in_(some),
            ChunkRow.tier == tier,
            ChunkRow.start.between(start - SPANS[tier] + 1, end),
            *conditions,
        )
        for row in session.execute(statement.order_by(ChunkRow.series_id, ChunkRow.start)):
            yield row[0], row[1], row[2], row[3]


def put_chunks(session: Session, tier: int, settled: bool, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Writes (series id, start, data), in place of what is there."""
    if not rows:
        return
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(ChunkRow)
    statement = statement.on_conflict_do_update(
        index_elements=["series_id", "tier", "start"],
        set_={"data": statement.excluded.data, "settled": statement.excluded.settled},
    )
    session.connection().execute(
        statement,
        [
            {"series_id": series_id, "tier": tier, "start": start, "settled": settled, "data": data}
            for series_id, start, data in rows
        ],
    )


def in_order(points: Iterable[Point]) -> list[Point]:
    """By time; of several at one time the first that came."""
    points = list(points)
    times = [point[0] for point in points]
    if len(set(times)) == len(times) and times == sorted(times):  # as nearly always
        return points
    first: dict[int, float] = {}
    for time, value in points:
        first.setdefault(time, value)
    return sorted(first.items(), key=lambda point: point[0])
