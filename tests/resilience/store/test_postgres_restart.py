"""A PostgreSQL server of the test's own, restarted and stopped under a store at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store
from tests.resilience.postgres_server import Server, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


class Writer(threading.Thread):
    """Adds batches until told to stop; `reach(n)` waits for the n-th."""

    def __init__(self, store: Store, lease, batch) -> None:
        super().__init__()
        self._store, self._lease, self._batch = store, lease, batch
        self._changed = threading.Condition()
        self._stopping = False
        self.done = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping:
                self._store.evaluations.add(self._lease, self._batch(8 * self.done))
                with self._changed:
                    self.done += 1
                    self._changed.notify_all()
        except BaseException as error:
            self.failure = error
            with self._changed:
                self._changed.notify_all()

    def reach(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.done >= count or self.failure is not None, timeout=120)

    def stop(self) -> None:
        self._stopping = True
        self.join()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_trial_goes_on_after_the_server_was_restarted(server, batch, mode):
    with Store.open(server.url) as store:
        trial = f"trial-{mode}"
        store.trials.create(trial, {"repository": "somewhere"})
        lease = store.leases.acquire(trial, 0, "task", timedelta(seconds=30))
        writer = Writer(store, lease, batch)
        writer.start()
        writer.reach(5)
        server.stop(mode)
        server.start()
        writer.reach(writer.done + 5)
        writer.stop()

        assert writer.failure is None
        assert store.evaluations.for_island(trial, 0) == batch(0, 8 * writer.done)


def test_no_sample_is_lost_or_doubled_when_the_server_is_restarted(server):
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    now = [noon]
    with Store.open(server.url, now=lambda: now[0]) as store:
        history = History(store)
        restarted = threading.Event()

        def restart() -> None:
            server.stop("immediate")
            server.start()
            restarted.set()

        done = 0
        trouble = threading.Thread(target=restart)
        while not restarted.is_set() or done < 300:
            now[0] = noon + timedelta(seconds=done)
            at = to_ms(now[0])
            history.append([Sample("shop", "count", float(done), at, (("n", str(one)),)) for one in range(20)])
            done += 1
            if done % 10 == 0:
                history.pack()
            if done == 50:
                trouble.start()
        trouble.join()
        found = history.select("count", start=noon, end=now[0])
    assert len(found) == 20
    assert all([int(value) for _, value in series.points] == list(range(done)) for series in found)


def test_a_server_that_stays_away_is_said_and_found_again(server):
    with Store.open(server.url, patience=0.3) as store:
        store.trials.create("trial-1", {"repository": "somewhere"})
        server.stop("fast")
        with pytest.raises(StoreError, match=r"cannot be reached .*; check that the server runs"):
            store.trials.get("trial-1")
        with pytest.raises(StoreError, match=r"cannot be reached .*; check that the server runs"):
            Store.open(server.url, patience=0.3)
        server.start()
        assert store.trials.get("trial-1").status == "pending"
