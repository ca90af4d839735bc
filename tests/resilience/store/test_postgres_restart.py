"""A PostgreSQL server of the test's own, restarted and stopped under a store at work."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store


class Server:
    """A cluster in a folder, reached by a socket in that folder; run as `postgres`, because it refuses root."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs, self._folder, self._user = programs, folder, user
        self.url = f"postgresql://dean@/postgres?host={folder}"

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
        )

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync=off"
        self.run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str) -> None:
        self.run("pg_ctl", "-w", "-m", mode, "stop")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [shutil.which("pg_ctl")]
    if found[-1] is None:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    user = None
    folder = Path(tempfile.mkdtemp(prefix="dean-pg-"))
    try:
        if os.geteuid() == 0:
            try:
                user = pwd.getpwnam("postgres").pw_name
            except KeyError:
                pytest.skip("root needs a user named postgres to run a PostgreSQL server")
            shutil.chown(folder, user)
        server = Server(Path(found[-1]).parent, folder, user)
        server.run("initdb", "-U", "dean", "-A", "trust", "--no-sync")
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
