"""A disk that is full, and one that turns read-only, made of a small file system in memory."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.metrics.collector import MetricsCollector
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.metrics.sources.source import Reading
from dean_airflow.store.store import Store
from tests.resilience.disks import fill, mount


def test_a_full_disk_is_said_and_writing_goes_on_when_there_is_space(small_disk, start, batch):
    with Store.open(f"sqlite:///{small_disk}/dean.db") as store:
        lease = start(store)
        store.evaluations.add(lease, batch(0))
        ballast = fill(small_disk)
        done = 8
        with pytest.raises(StoreError, match=r"disk of the store /.*/dean\.db is full; free some space"):
            while done < 10_000:  # the write-ahead log has a little space of its own first
                store.evaluations.add(lease, batch(done))
                done += 8
        assert store.evaluations.for_island("trial-a", 0) == batch(0, done)

        ballast.unlink()

        store.evaluations.add(lease, batch(done))
        assert store.evaluations.for_island("trial-a", 0) == batch(0, done + 8)


def test_a_new_store_on_a_full_disk_is_refused_and_can_be_made_later(small_disk):
    ballast = fill(small_disk)
    with pytest.raises(StoreError, match=r"/dean\.db is full; free some space"):
        Store.open(f"sqlite:///{small_disk}/dean.db")

    ballast.unlink()
    Store.open(f"sqlite:///{small_disk}/dean.db").close()


def test_a_read_only_disk_is_said_when_the_store_is_opened(small_disk):
    url = f"sqlite:///{small_disk}/dean.db"
    Store.open(url).close()
    mount("-o", "remount,ro", str(small_disk))

    with pytest.raises(StoreError, match="is read-only; give this user write access"):
        Store.open(url)
    with pytest.raises(StoreError, match="cannot be made: Read-only file system"):
        Store.open(f"sqlite:///{small_disk}/new/dean.db")
    with pytest.raises(StoreError, match="is read-only; give this user write access"):
        Store.open(f"sqlite:///{small_disk}/new.db")


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Gauges:
    """A source of many values, so that a full disk is felt soon."""

    name, timeout = "shop", 5.0

    async def collect(self, at: int) -> Reading:
        return Reading(samples=[Sample("shop", "value", float(n), at, (("n", str(n)),)) for n in range(2000)])


def test_samples_that_found_no_room_are_kept_when_there_is_some(small_disk):
    now = [NOON]
    with Store.open(f"sqlite:///{small_disk}/dean.db", now=lambda: now[0]) as store:
        collector = MetricsCollector([Gauges()], history=History(store), now=store.now)
        asyncio.run(collector.collect())
        ballast = fill(small_disk)
        failed = 0
        while failed < 3:  # the write-ahead log has a little space of its own first
            now[0] += timedelta(seconds=15)
            try:
                asyncio.run(collector.collect())
            except StoreError as error:
                assert re.search(r"disk of the store .* is full; free some space", str(error))
                failed += 1
        ballast.unlink()
        now[0] += timedelta(seconds=15)
        asyncio.run(collector.collect())
        found = History(store).select("value", start=NOON, end=now[0])
    expected = [to_ms(NOON) + 15_000 * step for step in range((to_ms(now[0]) - to_ms(NOON)) // 15_000 + 1)]
    assert len(found) == 2000
    assert all([time for time, _ in series.points] == expected for series in found)


@pytest.mark.slow
def test_samples_wait_for_a_store_that_is_locked(tmp_path):
    now = [NOON]
    with Store.open(f"sqlite:///{tmp_path}/dean.db", now=lambda: now[0], patience=0.1) as store:
        collector = MetricsCollector([Gauges()], history=History(store), now=store.now)
        asyncio.run(collector.collect())
        with sqlite3.connect(tmp_path / "dean.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            now[0] += timedelta(seconds=15)
            with pytest.raises(StoreError, match="stayed locked by another process"):
                asyncio.run(collector.collect())
            other.execute("ROLLBACK")
        other.close()
        now[0] += timedelta(seconds=15)
        asyncio.run(collector.collect())
        found = History(store).select("value", start=NOON, end=now[0])
    assert {tuple(time - to_ms(NOON) for time, _ in series.points) for series in found} == {(0, 15_000, 30_000)}
