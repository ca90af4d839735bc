"""kill -9 of the process that writes an island's evaluations, or samples of metrics, at moments it cannot choose."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store

KILLS = 20
BATCH = 8


def write_for_ever(url: str, batch, said: Connection) -> None:
    """An island's life after a restart: take the lease over, go on where the record ends."""
    with Store.open(url) as store:
        lease = store.leases.acquire("trial-a", 0, "task", timedelta(seconds=30))
        done = store.evaluations.count("trial-a", 0)
        while True:
            store.evaluations.add(lease, batch(done, BATCH))
            done += BATCH
            said.send(done)


def test_a_killed_writer_leaves_whole_batches_and_loses_none_it_was_told_are_kept(url, start, batch):
    with Store.open(url) as store:
        start(store)
    chance = random.Random(20)
    context = multiprocessing.get_context("fork")
    confirmed = 0
    for _ in range(KILLS):
        heard, said = context.Pipe(duplex=False)
        writer = context.Process(target=write_for_ever, args=(url, batch, said))
        writer.start()
        said.close()
        confirmed = heard.recv()
        writer.join(timeout=chance.uniform(0.0, 0.03))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert writer.exitcode == -signal.SIGKILL
        confirmed = drain(heard, confirmed)

        with Store.open(url) as store:
            kept = store.evaluations.for_island("trial-a", 0)
        assert kept == batch(0, len(kept))
        assert len(kept) % BATCH == 0
        assert confirmed <= len(kept) <= confirmed + BATCH


def drain(heard: Connection, last: int) -> int:
    """The last number the writer got out before it died."""
    while True:
        try:
            last = heard.recv()
        except (EOFError, OSError):
            heard.close()
            return last


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ROUND_OF_SAMPLES = 50


def samples_of(number: int) -> list[Sample]:
    """The samples of one collection: one a second, so that an hour is over now and then."""
    at = to_ms(NOON + timedelta(seconds=number))
    return [
        Sample("shop", "count", float(number), at, (("n", str(one)),), "counter") for one in range(ROUND_OF_SAMPLES)
    ]


def collect_for_ever(url: str, done: int, said: Connection) -> None:
    """What a collector does, without a pause: keeps, packs, rolls up."""
    now = [NOON]
    with Store.open(url, now=lambda: now[0]) as store:
        history = History(store)
        while True:
            now[0] = NOON + timedelta(seconds=done)
            history.append(samples_of(done))
            done += 1
            said.send(done)
            if done % 3 == 0:
                now[0] += timedelta(hours=1, minutes=5)  # so that there is always something to settle
                history.roll_up()


def test_a_killed_collector_loses_no_sample_it_was_told_is_kept_and_doubles_none(url):
    Store.open(url).close()
    chance = random.Random(21)
    context = multiprocessing.get_context("fork")
    confirmed = 0
    for _ in range(KILLS):
        heard, said = context.Pipe(duplex=False)
        collector = context.Process(target=collect_for_ever, args=(url, confirmed, said))
        collector.start()
        said.close()
        confirmed = heard.recv()
        collector.join(timeout=chance.uniform(0.0, 0.05))
        os.kill(collector.pid, signal.SIGKILL)
        collector.join()
        confirmed = drain(heard, confirmed)

        with Store.open(url, now=lambda: NOON + timedelta(hours=3)) as store:
            history = History(store)
            found = history.select(start=NOON, end=NOON + timedelta(hours=3))
            assert len(found) == ROUND_OF_SAMPLES
            for series in found:
                values = [int(value) for _, value in series.points]
                assert values == list(range(len(values)))
                assert len(values) >= confirmed
    with Store.open(url, now=lambda: NOON + timedelta(hours=3)) as store:
        history = History(store)
        history.roll_up()
        by_minute = history.range(start=NOON, end=NOON + timedelta(hours=3), step=timedelta(minutes=1))
        for series in by_minute:
            points = next(one.points for one in found if one.key == series.key)
            assert sum(rollup[1] for rollup in series.rollups) >= len(points)
