from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import sqlite3
import threading

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.store.store import Store


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("not a url", "does not parse; it must look like sqlite"),
        ("", "does not parse"),
        ("mysql://user:secret@host/db", "cannot be kept in 'mysql'; use sqlite or postgresql"),
        ("sqlite+aiosqlite:////tmp/x.db", "cannot be kept in 'sqlite\\+aiosqlite'"),
        ("postgresql+asyncpg://user:secret@host/db", "cannot be kept in"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:x.db?uri=true", "names no file"),
    ],
)
def test_an_unusable_url_is_one_sentence(url, sentence):
    with pytest.raises(StoreError, match=sentence) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_folder_of_a_new_store_is_made_and_a_later_chdir_does_not_move_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///deep/er/dean.db") as store:
        monkeypatch.chdir("/")
        store.close()
        store.trials.create("trial-1", {"repository": "r"})
    assert (tmp_path / "deep" / "er" / "dean.db").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"folder .*file/deep of the store cannot be made"):
        Store.open(f"sqlite:///{tmp_path}/file/deep/dean.db")


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "dean.db"
    path.write_text("my notes\n" * 100)
    with pytest.raises(StoreError, match="is not an SQLite database; name another file"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text() == "my notes\n" * 100


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened; check its path"):
        Store.open(f"sqlite:///{tmp_path}")


def test_a_damaged_store_is_refused(tmp_path, migrated_file):
    content = bytearray(migrated_file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    (tmp_path / "dean.db").write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(f"sqlite:///{tmp_path}/dean.db")


class Heard(logging.Handler):
    """Sets its event at the first message."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.event.set()


def test_a_lock_is_waited_for_and_one_held_too_long_is_said(tmp_path, migrated_file, monkeypatch, caplog):
    from dean_airflow.store import database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    path = shutil.copy(migrated_file, tmp_path)
    with Store.open(f"sqlite:///{path}", patience=0.05) as store:
        rival = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="stayed locked by another process; run again later"):
            store.trials.create("trial-locked", {"repository": "r"})
        assert store.trials.count() == 0  # readers do not wait for writers

        store.database.patience = 30.0
        waiting = Heard()
        database.log.addHandler(waiting)
        caplog.set_level(logging.INFO, database.log.name)
        creating = threading.Thread(target=store.trials.create, args=("trial-locked", {"repository": "r"}))
        creating.start()
        assert waiting.event.wait(10)
        rival.execute("ROLLBACK")
        creating.join()
        database.log.removeHandler(waiting)
        assert store.trials.count() == 1
        rival.close()


def test_a_writer_keeps_others_from_writing_from_its_start(tmp_path, migrated_file):
    path = shutil.copy(migrated_file, tmp_path)
    rival = sqlite3.connect(path, isolation_level=None, timeout=0)

    def work(session):
        session.connection()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            rival.execute("BEGIN IMMEDIATE")
        return "alone"

    with Store.open(f"sqlite:///{path}") as store:
        assert store.database.write(work) == "alone"
    rival.execute("BEGIN IMMEDIATE")
    rival.close()


def test_readers_see_what_is_committed_while_a_writer_is_at_work(store, trial_id):
    def work(session):
        from dean_airflow.store.models import TrialRow

        session.get(TrialRow, trial_id).error = "not yet"
        session.flush()
        return store.trials.get(trial_id).error

    assert store.database.write(work) is None
    assert store.trials.get(trial_id).error == "not yet"


def test_an_exception_in_a_transaction_takes_back_all_of_it(store, trial_id):
    from dean_airflow.store.models import TrialRow

    def work(session):
        session.get(TrialRow, trial_id).error = "half"
        session.flush()
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        store.database.write(work)
    assert store.trials.get(trial_id).error is None


def test_a_heartbeat_thread_renews_while_another_writes(store, trial_id, lease, numbered):
    failures: list[BaseException] = []

    def beat() -> None:
        try:
            for _ in range(40):
                store.leases.renew(lease)
        except BaseException as error:
            failures.append(error)

    heart = threading.Thread(target=beat)
    heart.start()
    for sequence in range(40):
        store.evaluations.add(lease, [numbered(sequence)])
    heart.join()
    assert failures == []
    assert store.evaluations.count(trial_id) == 40


def test_a_forked_child_uses_connections_of_its_own(store, trial_id, lease, numbered):
    store.evaluations.add(lease, [numbered(0)])  # the parent has a connection in its pool now
    context = multiprocessing.get_context("fork")

    for sequence in (1, 3):
        child = context.Process(target=store.evaluations.add, args=(lease, [numbered(sequence)]))
        child.start()
        child.join(timeout=60)
        child.kill()  # of no effect on one that has ended
        assert child.exitcode == 0
        store.evaluations.add(lease, [numbered(sequence + 1)])

    assert [one.sequence for one in store.evaluations.for_island(trial_id, 0)] == [0, 1, 2, 3, 4]


def test_a_closed_store_opens_again_when_used(store, trial_id):
    store.close()
    assert store.trials.get(trial_id).status == "running"
