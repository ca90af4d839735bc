"""Which series there are. A series is made by its first sample and goes when nothing of it is kept any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar

from sqlalchemy import Text, delete, exists, func, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.metric_models import ChunkRow, SampleRow, SeriesRow
from dean_airflow.store.models import NAME_LENGTH

ACTIVE = timedelta(hours=48)
"""A series counts towards its service's limit while it had samples in this time."""

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]
Identity = tuple[str, str, Pairs]
"""Service, name, and labels sorted by their names."""


@dataclass(frozen=True, slots=True)
class KnownSeries:
    id: int
    service: str
    name: str
    labels: Pairs
    type: str
    help: str


class SeriesCatalogue:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def ids(self, wanted: Mapping[Identity, tuple[str, str]], limit: int) -> dict[Identity, int]:
        """The ids of the wanted series, each with its type and help; those not known yet are made.

        Those beyond `limit` active series of their service are not made, and missing in the answer.
        """
        digests = {digest_of(identity): identity for identity in wanted}

        def work(session: Session) -> dict[str, int]:
            found = self._known(session, digests)
            new = [digest for digest in digests if digest not in found]
            if new:
                allowed = self._within_limit(session, [digests[digest] for digest in new], limit)
                self._make(session, {digest: digests[digest] for digest in new if digests[digest] in allowed}, wanted)
                found |= self._known(session, new)
            return found

        return {digests[digest]: number for digest, number in self._database.write(work).items()}

    def find(self, name: str | None = None, service: str | None = None) -> list[KnownSeries]:
        """Those of that name and service (any if None), by name, service and labels."""
        labels = type_coerce(SeriesRow.labels, Text)
        statement = select(SeriesRow.id, SeriesRow.service, SeriesRow.name, labels, SeriesRow.type, SeriesRow.help)
        if name is not None:
            statement = statement.where(SeriesRow.name == name)
        if service is not None:
            statement = statement.where(SeriesRow.service == service)
        rows = self._database.read(lambda session: session.execute(statement).all())
        found = [KnownSeries(row[0], row[1], row[2], _pairs(row[3]), row[4], row[5]) for row in rows]
        return sorted(found, key=lambda one: (one.name, one.service, one.labels))

    def count(self, service: str | None = None) -> int:
        statement = select(func.count()).select_from(SeriesRow)
        if service is not None:
            statement = statement.where(SeriesRow.service == service)
        return self._database.read(lambda session: session.scalar(statement)) or 0

    def seen(self, session: Session, ids: Collection[int], hour: int) -> None:
        """In the caller's transaction: these series have samples in that hour."""
        for some in lumps(ids):
            session.execute(
                update(SeriesRow).where(SeriesRow.id.in_(some), SeriesRow.seen_at < hour).values(seen_at=hour)
            )

    def existing(self, session: Session, ids: Collection[int]) -> set[int]:
        """In the caller's transaction: those of the ids that still are a series'."""
        found: set[int] = set()
        for some in lumps(ids):
            found.update(session.scalars(select(SeriesRow.id).where(SeriesRow.id.in_(some))))
        return found

    def remove_unused(self, before: int) -> int:
        """How many series went: not seen since `before` (ms since 1970), and nothing of them is kept."""
        statement = delete(SeriesRow).where(
            SeriesRow.seen_at < before,
            ~exists().where(ChunkRow.series_id == SeriesRow.id),
            ~exists().where(SampleRow.series_id == SeriesRow.id),
        )
        return self._database.write(lambda session: int(session.connection().execute(statement).rowcount))

    def _known(self, session: Session, digests: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in lumps(digests):
            rows = session.execute(select(SeriesRow.digest, SeriesRow.id).where(SeriesRow.digest.in_(some)))
            found.update((row[0], row[1]) for row in rows)
        return found

    def _within_limit(self, session: Session, new: Iterable[Identity], limit: int) -> set[Identity]:
        since = int((self._now() - ACTIVE).timestamp() * 1000)
        room: dict[str, int] = {}
        allowed = set()
        for identity in new:
            service = identity[0]
            if service not in room:
                active = select(func.count()).where(SeriesRow.service == service, SeriesRow.seen_at >= since)
                room[service] = limit - (session.scalar(active) or 0)
            if room[service] > 0:
                room[service] -= 1
                allowed.add(identity)
        return allowed

    def _make(self, session: Session, new: Mapping[str, Identity], wanted: Mapping[Identity, tuple[str, str]]) -> None:
        now = int(self._now().timestamp() * 1000)
        rows = [
            {
                "digest": digest,
                "service": identity[0][:NAME_LENGTH],
                "name": identity[1][:NAME_LENGTH],
                "labels": [list(pair) for pair in identity[2]],
                "type": wanted[identity][0],
                "help": wanted[identity][1],
                "seen_at": now,
            }
            for digest, identity in new.items()
        ]
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        if rows:
            session.connection().execute(insert(SeriesRow).on_conflict_do_nothing(), rows)


def digest_of(identity: Identity) -> str:
    """The same for the same series on every machine, 40 hex digits."""
    return blake2b(json.dumps(identity).encode(), digest_size=20).hexdigest()


def lumps(items: Iterable[T], size: int = 5000) -> Iterable[list[T]]:
    """The items, so many at a time: a statement may have 32,766 parameters in SQLite, 65,535 in PostgreSQL."""
    everything = list(items)
    return (everything[begin : begin + size] for begin in range(0, len(everything), size))


@lru_cache(maxsize=20_000)
def _pairs(labels: str) -> Pairs:
    """Labels as their column has them; reading JSON again and again would be most of a query's time."""
    return tuple((name, value) for name, value in json.loads(labels))
