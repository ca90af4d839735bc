from __future__ import annotations

import math

import pytest

from dean_airflow.errors import LeaseLost, StoreError, TrialCancelled
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.evaluations import NumberedEvaluation


def test_evaluations_read_back_exactly_in_sequence_order(store, trial_id, lease, other_lease, numbered):
    batch = [numbered(0), numbered(1, 0.1), numbered(2, 0.1 + 0.2)]
    store.evaluations.add(lease, batch)
    store.evaluations.add(lease, [numbered(3)])
    store.evaluations.add(other_lease, [numbered(0, 0.75)])

    assert store.evaluations.for_island(trial_id, 0) == [*batch, numbered(3)]
    assert [(island, one.sequence) for island, one in store.evaluations.for_trial(trial_id)] == [
        *((0, n) for n in range(4)),
        (1, 0),
    ]
    assert (store.evaluations.count(trial_id), store.evaluations.count(trial_id, 1)) == (5, 1)
    assert store.evaluations.seconds(trial_id, 0) == 0.5


def test_an_invalid_candidate_keeps_its_reason_whatever_it_printed(store, trial_id, lease):
    hostile = Evaluation(
        key="digest",
        genome=(),
        verdict="invalid",
        stage="output",
        reason="said \0 and \udcff",
        details={"stderr": "\0\udcff\u2028", "ratio": math.inf, "nested": [math.nan, 1.5]},
    )
    store.evaluations.add(lease, [NumberedEvaluation(0, 1, hostile)])

    (kept,) = store.evaluations.for_island(trial_id, 0)
    assert kept.evaluation.cost is None
    assert kept.evaluation.reason == "said \ufffd and \ufffd"
    assert kept.evaluation.details == {"stderr": "\0\udcff\u2028", "ratio": None, "nested": [None, 1.5]}


def test_the_fittest_come_first(store, trial_id, lease, other_lease, numbered):
    store.evaluations.add(lease, [numbered(0, 0.5), numbered(1, 0.75), numbered(2, 0.5)])
    store.evaluations.add(other_lease, [numbered(0, 0.75)])

    best = store.evaluations.best(trial_id, limit=3)

    assert [(island, one.sequence) for island, one in best] == [(0, 1), (1, 0), (0, 0)]


def test_a_batch_is_kept_whole_or_not_at_all(store, trial_id, lease, numbered):
    unstorable = NumberedEvaluation(1, 0, Evaluation("k", (), "neutral", "cost", details={"set": {1}}))

    with pytest.raises(TypeError, match="JSON"):
        store.evaluations.add(lease, [numbered(0), unstorable])
    assert store.evaluations.count(trial_id) == 0


@pytest.mark.parametrize("sequences", [[1], [0, 2], [1, 0], [0, 0], [-1]])
def test_the_sequence_has_no_gaps(store, trial_id, lease, numbered, sequences):
    with pytest.raises(StoreError, match="do not follow on from the 0 kept"):
        store.evaluations.add(lease, [numbered(n) for n in sequences])
    assert store.evaluations.count(trial_id) == 0


def test_a_batch_repeated_after_a_lost_connection_adds_nothing_twice(store, trial_id, lease, numbered):
    store.evaluations.add(lease, [numbered(0), numbered(1)])
    store.evaluations.add(lease, [numbered(0), numbered(1)])
    store.evaluations.add(lease, [numbered(1), numbered(2)])

    assert store.evaluations.for_island(trial_id, 0) == [numbered(0), numbered(1), numbered(2)]


def test_what_is_on_record_is_not_written_over(store, trial_id, lease, numbered):
    store.evaluations.add(lease, [numbered(0)])

    with pytest.raises(StoreError, match="on record for another candidate"):
        store.evaluations.add(lease, [numbered(0, key="another"), numbered(1)])
    assert store.evaluations.for_island(trial_id, 0) == [numbered(0)]


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_a_stopped_trial_takes_no_more_but_keeps_what_it_has(store, trial_id, lease, numbered, end):
    store.evaluations.add(lease, [numbered(0)])
    store.trials.transition(trial_id, end)

    with pytest.raises(TrialCancelled, match=f"trial-a is {end}"):
        store.evaluations.add(lease, [numbered(1)])
    assert store.evaluations.for_island(trial_id, 0) == [numbered(0)]


def test_a_fenced_attempt_writes_nothing_and_its_successor_goes_on(store, trial_id, lease, numbered):
    store.evaluations.add(lease, [numbered(0)])
    successor = store.leases.acquire(trial_id, 0, "task", lease.ttl)

    with pytest.raises(LeaseLost):
        store.evaluations.add(lease, [numbered(1)])
    store.evaluations.add(successor, [numbered(1)])
    assert store.evaluations.for_island(trial_id, 0) == [numbered(0), numbered(1)]


def test_an_empty_batch_is_nothing(store, trial_id, lease):
    store.evaluations.add(lease, [])
    assert store.evaluations.count(trial_id) == 0
