from __future__ import annotations

import logging
from datetime import timedelta
from itertools import product

import pytest

from dean_airflow.errors import IllegalTransition, LeaseLost, TrialCancelled, TrialNotFound
from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store

CONFIG = {"repository": "https://example.org/repo.git", "generations": 3}

# Contract 6.1, written out: everything else is illegal.
LEGAL = {
    ("pending", "initializing"),
    ("initializing", "running"),
    ("running", "monitoring"),
    ("running", "completed"),
    ("monitoring", "completed"),
    *product(("pending", "initializing", "running", "monitoring"), ("failed", "cancelled")),
}
PATHS: dict[str, list[str]] = {
    "pending": [],
    "initializing": ["initializing"],
    "running": ["initializing", "running"],
    "monitoring": ["initializing", "running", "monitoring"],
    "completed": ["initializing", "running", "completed"],
    "failed": ["failed"],
    "cancelled": ["cancelled"],
}


def bring_to(store: Store, status: str) -> str:
    trial_id = f"trial-{status}"
    store.trials.create(trial_id, CONFIG)
    for step in PATHS[status]:
        store.trials.transition(trial_id, step)
    return trial_id


def test_a_new_trial_is_pending_and_keeps_what_was_asked(store, clock):
    made = store.trials.create("trial-1", CONFIG, {"commit": "abc"}, dag_id="dag", run_id="run")

    assert made == store.trials.get("trial-1")
    assert (made.status, made.attempt, made.created_at) == ("pending", 1, clock())
    assert (made.config, made.target, made.repository) == (CONFIG, {"commit": "abc"}, CONFIG["repository"])
    assert (made.dag_id, made.run_id) == ("dag", "run")
    assert (made.outcome, made.started_at, made.completed_at, made.improvements) == (None, None, None, [])


def test_creating_the_same_trial_twice_leaves_one_as_it_is(store):
    trial_id = bring_to(store, "running")

    again = store.trials.create(trial_id, {"repository": "another"})

    assert (again.status, again.attempt, again.config) == ("running", 1, CONFIG)
    assert store.trials.count() == 1


@pytest.mark.parametrize("source", PATHS)
def test_only_the_contract_s_transitions_are_legal(store, source, caplog):
    for target in PATHS:
        trial_id = bring_to(store, source)
        caplog.clear()
        if source == target or (source, target) in LEGAL:
            assert store.trials.transition(trial_id, target).status == target
        else:
            with caplog.at_level(logging.WARNING), pytest.raises(IllegalTransition, match=f"{source}.*{target}"):
                store.trials.transition(trial_id, target)
            assert store.trials.get(trial_id).status == source
            assert f"is {source} and cannot become {target}" in caplog.text
        forget(store, trial_id)


def forget(store: Store, trial_id: str) -> None:
    from sqlalchemy import delete

    from dean_airflow.store.models import TrialRow

    store.database.write(lambda session: session.execute(delete(TrialRow).where(TrialRow.id == trial_id)))


def test_a_transition_sets_times_and_the_columns_it_names(store, clock):
    trial_id = bring_to(store, "running")
    started = clock()
    clock.move(minutes=5)

    ended = store.trials.transition(
        trial_id, "completed", outcome="improved", stop_reason="converged", result={"speedup": 1.5}
    )

    assert (ended.started_at, ended.completed_at) == (started, started + timedelta(minutes=5))
    assert (ended.outcome, ended.stop_reason, ended.result) == ("improved", "converged", {"speedup": 1.5})
    assert ended.is_final


def test_a_repeated_end_keeps_the_first_reason(store):
    trial_id = bring_to(store, "running")
    store.trials.transition(trial_id, "failed", stop_reason="error", error="first")

    assert store.trials.transition(trial_id, "failed", error="second").error == "first"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_new_airflow_attempt_takes_a_stopped_trial_up_again(store, clock, status):
    trial_id = bring_to(store, "initializing")
    store.trials.transition(trial_id, status, error="boom", stop_reason="error")
    clock.move(hours=1)

    again = store.trials.create(trial_id, CONFIG, execution="run/2")

    assert (again.status, again.attempt) == ("initializing", 2)
    assert (again.error, again.stop_reason, again.completed_at) == (None, None, None)
    assert store.trials.transition(trial_id, "running").status == "running"


def test_the_attempt_under_which_a_trial_was_stopped_does_not_revive_it(store):
    store.trials.create("trial-1", CONFIG, execution="run/1")
    store.trials.transition("trial-1", "cancelled")

    assert store.trials.create("trial-1", CONFIG, execution="run/1").status == "cancelled"
    assert store.trials.reopen("trial-1", execution="run/1").status == "cancelled"
    assert store.trials.reopen("trial-1", execution="run/2").status == "initializing"


def test_a_retry_of_a_live_trial_counts_as_the_attempt_that_was_stopped(store):
    store.trials.create("trial-1", CONFIG, execution="run/1")
    assert store.trials.create("trial-1", CONFIG, execution="run/2").attempt == 1
    store.trials.transition("trial-1", "cancelled")

    assert store.trials.create("trial-1", CONFIG, execution="run/2").status == "cancelled"


def test_a_completed_trial_is_never_reopened(store):
    trial_id = bring_to(store, "completed")

    assert store.trials.reopen(trial_id).attempt == 1
    assert store.trials.get(trial_id).status == "completed"


def test_update_changes_columns_but_never_the_status(store):
    trial_id = bring_to(store, "running")

    assert store.trials.update(trial_id, target={"commit": "abc"}).target == {"commit": "abc"}
    with pytest.raises(TypeError, match="attempt, status"):
        store.trials.update(trial_id, status="completed", attempt=7)


def test_an_outcome_belongs_to_a_completed_trial_only(store):
    from dean_airflow.errors import StoreError

    trial_id = bring_to(store, "running")
    with pytest.raises(StoreError):
        store.trials.update(trial_id, outcome="improved")


def test_an_unknown_trial_is_named(store):
    for ask in (store.trials.get, store.trials.reopen, store.trials.update):
        with pytest.raises(TrialNotFound, match="trial-none"):
            ask("trial-none")


def test_lists_are_newest_first_filtered_and_paged(store, clock):
    for number in range(5):
        store.trials.create(f"trial-{number}", {"repository": "even" if number % 2 == 0 else "odd"})
        clock.move(seconds=1)
    store.trials.transition("trial-4", "failed")

    assert [trial.id for trial in store.trials.list()] == [f"trial-{n}" for n in (4, 3, 2, 1, 0)]
    assert [trial.id for trial in store.trials.list(repository="even", status="pending")] == ["trial-2", "trial-0"]
    assert [trial.id for trial in store.trials.list(limit=2, offset=1)] == ["trial-3", "trial-2"]
    assert (store.trials.count(), store.trials.count(status="failed")) == (5, 1)
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}):
        with pytest.raises(ValueError, match="limit"):
            store.trials.list(**wrong)


def test_progress_keeps_the_best_of_all_islands_and_where_it_was_gained(store, lease: Lease, other_lease: Lease):
    store.trials.progress(lease, 1, 0.25)
    store.trials.progress(other_lease, 3, 0.5)
    store.trials.progress(lease, 2, 0.375)
    last = store.trials.progress(other_lease, 3, 0.5)

    assert (last.current_generation, last.best_fitness, last.improvements) == (3, 0.5, [0.25, 0.0, 0.25])
    assert sum(last.improvements) == last.best_fitness


def test_progress_is_refused_after_a_stop_and_from_a_stale_lease(store, trial_id, lease: Lease):
    store.leases.acquire(trial_id, 0, "task", lease.ttl)
    with pytest.raises(LeaseLost):
        store.trials.progress(lease, 1, 0.5)
    store.trials.transition(trial_id, "cancelled")
    with pytest.raises(TrialCancelled):
        store.trials.progress(lease, 1, 0.5)
    assert store.trials.get(trial_id).best_fitness == 0.0
