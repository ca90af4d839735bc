"""The log of changes: written by the database, whoever writes; its numbers are seen in order and without gaps."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert

from dean_airflow.store.change_models import ChangeRow
from dean_airflow.store.changes import Change, last_change
from dean_airflow.store.migrations.versions.r0011_changes import KEPT
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store


def kinds(store: Store, topic: str) -> list[tuple[str, str]]:
    found = store.changes.between(topic, 0, store.changes.head(topic), 1000)
    assert found is not None
    assert [change.sequence for change in found] == list(range(1, len(found) + 1))
    return [(change.subject, change.kind) for change in found]


def test_what_becomes_of_a_trial(store, lease):
    store.trials.progress(lease, 1, 0.25)
    store.trials.progress(lease, 1, 0.25)  # nothing new
    store.trials.update("trial-a", error="it broke")
    store.trials.transition("trial-a", "failed")
    store.trials.reopen("trial-a")
    store.database.write(lambda session: session.execute(delete(TrialRow)))

    assert kinds(store, "trials") == [
        ("trial-a", kind)
        for kind in (
            *("pending", "initializing", "running", "progress", "progress"),
            *("failed", "initializing", "removed"),
        )
    ]


def test_a_change_names_the_dag_of_the_trial(store):
    store.trials.create("trial-b", {"repository": "r"}, dag_id="somebodys", run_id="once")

    assert store.changes.between("trials", 0, 1, 10) == [Change(1, "trial-b", "pending", "somebodys")]


def test_what_becomes_of_silences_and_deployments(store, clock):
    made = store.silences.add({"service": "shop"}, timedelta(hours=1), "work", "ann")
    store.silences.end(made.id)
    store.deployments.create(
        "deployment-a",
        place="p",
        host="h",
        directory="/d",
        name="n",
        environment="production",
        dag_id="dean_deployment",
    )
    held = store.deployment_locks.acquire("p", "deployment-a", timedelta(minutes=1))
    store.deployments.transition(held, "deployment-a", "validating")
    store.deployments.set_service(held, "deployment-a", "web", state="deploying")

    assert kinds(store, "alerts") == [(made.id, "silence")] * 2
    assert kinds(store, "deployments") == [("deployment-a", kind) for kind in ("pending", "validating", "service")]


def test_what_was_rolled_back_is_no_change(store, trial_id):
    before = store.changes.head("trials")

    def work(session):
        session.execute(delete(TrialRow))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.database.write(work)
    assert store.changes.head("trials") == before


def test_writers_at_once_leave_no_gap(store):
    """The n-th change is there for whoever has seen the number n."""
    seen: list[int] = []
    done = threading.Event()
    missing = []

    def watch() -> None:
        while not done.is_set():
            head = store.changes.head("trials")
            found = store.changes.between("trials", 0, head, 1000)
            if found is None or [change.sequence for change in found] != list(range(1, head + 1)):
                missing.append(head)
            seen.append(head)

    def write(number: int) -> None:
        for one in range(8):
            store.trials.create(f"trial-{number}-{one}", {"repository": "r"})
            store.trials.transition(f"trial-{number}-{one}", "initializing")

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (watcher, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    watcher.join()

    assert missing == []
    assert seen == sorted(seen)
    assert store.changes.head("trials") == 64


def test_too_many_and_forgotten_ones_cannot_be_told(store, trial_id):
    assert store.changes.between("trials", 0, 3, 2) is None
    store.database.write(lambda session: session.execute(delete(ChangeRow).where(ChangeRow.sequence == 1)))

    assert store.changes.between("trials", 0, 3, 100) is None
    assert [change.sequence for change in store.changes.between("trials", 1, 3, 100)] == [2, 3]
    assert store.changes.between("trials", 3, 3, 100) == []


def test_only_the_newest_are_kept(store, trial_id):
    rows = [{"topic": "trials", "sequence": number, "subject": "x", "kind": "k"} for number in (-KEPT + 4, -KEPT + 5)]
    store.database.write(lambda session: session.execute(insert(ChangeRow), rows))
    store.trials.transition("trial-a", "cancelled")  # number 4

    def left(session):
        return session.scalars(ChangeRow.__table__.select().with_only_columns(ChangeRow.sequence)).all()

    assert sorted(store.database.read(left)) == [-KEPT + 5, 1, 2, 3, 4]


def test_the_last_change_of_one(store, trial_id):
    store.trials.create("trial-b", {"repository": "r"})

    found = store.database.read(
        lambda session: [last_change(session, "trials", one) for one in ("trial-a", "trial-b", "trial-c")]
    )
    assert found == [3, 4, 0]
