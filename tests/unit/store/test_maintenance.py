from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from dean_airflow.store import maintenance
from dean_airflow.store.champions import Champion
from dean_airflow.store.models import Base
from dean_airflow.store.patterns import Observation
from dean_airflow.store.server_models import ServedTrialRow


def rows(store) -> dict[str, int]:
    return store.database.read(
        lambda session: {
            table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
        }
    )


def tables_of_trials() -> set[str]:
    return {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.column.table.name == "dean_trials" for key in table.foreign_keys)
    }


@pytest.fixture
def full_trial(store, trial_id, lease, other_lease, numbered) -> str:
    """A trial with a row in every table that rows of trials are in."""
    store.evaluations.add(lease, [numbered(n) for n in range(10)])
    store.champions.put(Champion(trial_id, 0, 3, 1, ("a",), 0.5))
    store.migrants.offer(lease, 1, ["a"], 0.5)
    store.migrants.take(other_lease, 1)
    store.patterns.record("hoist", "loop", tried=3, confirmed=1, effects=[-0.5], trial_id=trial_id)
    store.events.append(trial_id, "trial_started")
    store.documents.put(trial_id, "baseline", {})
    store.sagas.open(trial_id)
    store.database.write(lambda session: session.add(ServedTrialRow(trial_id=trial_id, request={}, asked_by="ann")))
    assert {name for name, count in rows(store).items() if count} >= tables_of_trials()
    return trial_id


def test_an_old_finished_trial_goes_with_all_its_rows_but_its_patterns_stay(store, full_trial, clock):
    store.trials.transition(full_trial, "completed")
    before = store.patterns.list()
    clock.move(days=31)

    assert maintenance.remove_old_trials(store, timedelta(days=30)) == [full_trial]

    kept = {"dean_store", "dean_patterns", "dean_tallies", "dean_change_heads", "dean_changes"}
    assert {name for name, count in rows(store).items() if count} == kept
    assert store.patterns.list() == before


def test_unfinished_and_recent_trials_stay(store, full_trial, clock):
    store.trials.create("trial-b", {"repository": "elsewhere"})
    clock.move(days=300)
    store.trials.transition("trial-b", "failed")
    clock.move(days=29)
    before = rows(store)

    assert maintenance.remove_old_trials(store, timedelta(days=30)) == []
    assert rows(store) == before


def test_unused_patterns_go_and_the_newest_stay_within_the_limit(store, trial_id, clock, monkeypatch):
    store.patterns.record("hoist", "unused", tried=1, confirmed=0, effects=[], trial_id=trial_id)
    for number in range(5):
        clock.move(days=30)
        store.patterns.record("hoist", f"loop {number}", tried=1, confirmed=0, effects=[], trial_id=trial_id)
    monkeypatch.setattr(maintenance, "PATTERNS_AT_MOST", 3)

    assert maintenance.remove_old_patterns(store, timedelta(days=100)) == 3
    assert {pattern.context for pattern in store.patterns.list()} == {"loop 2", "loop 3", "loop 4"}
    assert maintenance.remove_old_patterns(store, timedelta(days=100)) == 0


def test_a_removed_pattern_can_be_found_anew(store, trial_id, clock):
    store.patterns.record_all(trial_id, [Observation("hoist", "loop", 5, 1)])
    clock.move(days=91)
    maintenance.remove_old_patterns(store)
    store.patterns.record_all(trial_id, [Observation("hoist", "loop", 2, 0)])

    assert store.patterns.priors()["hoist", "loop"].tries == 2


def test_trials_are_named_by_what_may_be_left_of_them(store, trial_id, clock):
    for other, end in (("trial-b", "failed"), ("trial-c", "cancelled")):
        clock.move(seconds=1)
        store.trials.create(other, {"repository": "elsewhere"})
        store.trials.transition(other, end)

    assert maintenance.stopped_trials(store) == ["trial-c", "trial-b"]


def test_a_trial_is_abandoned_when_nobody_holds_it_and_nothing_is_heard(store, trial_id, lease, clock):
    hour = timedelta(hours=1)
    assert maintenance.abandoned_trials(store, hour) == []
    clock.move(hours=2)
    store.leases.renew(lease)
    assert maintenance.abandoned_trials(store, hour) == []
    clock.move(minutes=1)
    assert maintenance.abandoned_trials(store, hour) == [trial_id]
    store.trials.transition(trial_id, "failed")
    assert maintenance.abandoned_trials(store, hour) == []


def test_vacuum_gives_space_back_and_keeps_the_rest(store, trial_id, lease, numbered, clock):
    store.trials.create("trial-b", {"repository": "elsewhere"})
    store.documents.put("trial-b", "large", "x" * 2_000_000)
    store.evaluations.add(lease, [numbered(0)])
    store.trials.transition("trial-b", "failed")
    clock.move(days=2)
    maintenance.remove_old_trials(store, timedelta(days=1))
    before = size(store)

    maintenance.vacuum(store)

    assert size(store) < before
    assert store.evaluations.for_island(trial_id, 0) == [numbered(0)]


def size(store) -> int:
    """Bytes the documents' table and file take."""
    question = (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if store.database.is_sqlite
        else "SELECT pg_total_relation_size('dean_documents')"
    )
    return store.database.read(lambda session: session.connection().exec_driver_sql(question).scalar())
