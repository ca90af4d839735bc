from __future__ import annotations

import pytest

from dean_airflow.errors import LeaseLost, TrialNotFound
from dean_airflow.store.store import Store


def test_a_step_is_on_record_before_and_after(store: Store, trial_id: str) -> None:
    held = store.sagas.open(trial_id)
    assert (held.attempt, held.state, held.steps) == (1, "running", ())

    store.sagas.intend(held, "evolution", "key-1")
    assert [(step.name, step.key, step.state) for step in store.sagas.latest(trial_id).steps] == [
        ("evolution", "key-1", "intended")
    ]
    store.sagas.record(held, "evolution", "done", outcome={"trial_id": "trial-remote"})
    store.sagas.intend(held, "evolution", "another key")
    store.sagas.intend(held, "dag", "key-2")

    steps = store.sagas.latest(trial_id).steps
    assert [(step.name, step.key, step.state, step.outcome) for step in steps] == [
        ("evolution", "key-1", "done", {"trial_id": "trial-remote"}),
        ("dag", "key-2", "intended", None),
    ]


def test_an_outcome_outlives_its_undoing(store: Store, trial_id: str) -> None:
    held = store.sagas.open(trial_id)
    store.sagas.intend(held, "population", "key")
    store.sagas.record(held, "population", "done", outcome={"agents": ["a"]})
    store.sagas.record(held, "population", "undo_failed", error="unreachable")

    step = store.sagas.latest(trial_id).step("population")
    assert (step.state, step.outcome, step.error) == ("undo_failed", {"agents": ["a"]}, "unreachable")


def test_whoever_was_taken_over_can_write_nothing(store: Store, trial_id: str) -> None:
    first = store.sagas.open(trial_id)
    second = store.sagas.open(trial_id)
    assert (second.attempt, second.token) == (first.attempt, first.token + 1)

    for write in (
        lambda: store.sagas.intend(first, "evolution", "key"),
        lambda: store.sagas.record(first, "evolution", "done"),
        lambda: store.sagas.turn(first, "completed"),
    ):
        with pytest.raises(LeaseLost):
            write()
    store.sagas.intend(second, "evolution", "key")


@pytest.mark.parametrize(("state", "attempt"), [("completed", 1), ("compensating", 1), ("compensated", 2)])
def test_only_a_compensated_saga_is_followed_by_another(store: Store, trial_id: str, state: str, attempt: int) -> None:
    held = store.sagas.open(trial_id)
    store.sagas.intend(held, "evolution", "key")
    store.sagas.turn(held, state)

    again = store.sagas.open(trial_id)
    assert again.attempt == attempt
    assert len(again.steps) == (0 if attempt == 2 else 1)


def test_a_saga_belongs_to_a_trial(store: Store) -> None:
    with pytest.raises(TrialNotFound):
        store.sagas.open("trial-unknown")
    assert store.sagas.latest("trial-unknown") is None
