"""kill -9 of the process that writes an island's evaluations, at moments it cannot choose."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from datetime import timedelta
from multiprocessing.connection import Connection

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
