from __future__ import annotations

import math

import pytest

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.patterns import Observation


@pytest.fixture
def second_trial(store) -> str:
    return store.trials.create("trial-b", {"repository": "elsewhere"}).id


def test_trials_add_up(store, trial_id, second_trial, clock):
    discovered = clock()
    store.patterns.record("hoist", "loop", tried=4, confirmed=1, effects=[-0.5], trial_id=trial_id)
    clock.move(days=1)
    store.patterns.record("hoist", "loop", tried=6, confirmed=2, effects=[-0.25, 0.0], trial_id=second_trial)

    pattern = store.patterns.priors()["hoist", "loop"]

    assert (pattern.tries, pattern.confirmed_wins, pattern.mean_effect) == (10, 3, -0.25)
    assert (pattern.first_trial_id, pattern.discovered_at, pattern.last_used_at) == (trial_id, discovered, clock())


def test_recording_a_trial_again_replaces_what_it_said(store, trial_id, second_trial):
    store.patterns.record("hoist", "loop", tried=2, confirmed=1, effects=[-0.5], trial_id=second_trial)
    for tried in (9, 4, 4):
        store.patterns.record("hoist", "loop", tried=tried, confirmed=1, effects=[-0.25], trial_id=trial_id)

    pattern = store.patterns.priors()["hoist", "loop"]

    assert (pattern.tries, pattern.confirmed_wins, pattern.mean_effect) == (6, 2, -0.375)


def test_the_contract_s_figures_follow_from_the_counts(store, trial_id):
    halves = Observation("hoist", "loop", tried=3, confirmed=3, effects=(math.log(0.5),) * 3)
    slows = Observation("hoist", "regex", tried=3, confirmed=1, effects=(math.log(1.5),))
    untested = Observation("inline", "loop", tried=1, confirmed=0)
    store.patterns.record_all(trial_id, [untested, slows, halves])

    by_impact = store.patterns.list()

    assert [(pattern.kind, pattern.context) for pattern in by_impact] == [
        ("hoist", "loop"),
        ("hoist", "regex"),
        ("inline", "loop"),
    ]
    best, harmful, unknown = by_impact
    assert best.confidence == pytest.approx(4 / 5)
    assert best.effectiveness == pytest.approx(0.5)
    assert best.impact == pytest.approx(0.4)
    assert harmful.effectiveness == 0.0
    assert (unknown.effectiveness, unknown.impact) == (None, 0.0)


def test_a_trial_s_own_patterns_can_be_asked_for(store, trial_id, second_trial):
    store.patterns.record("hoist", "loop", tried=1, confirmed=0, effects=[], trial_id=trial_id)
    store.patterns.record("inline", "loop", tried=1, confirmed=0, effects=[], trial_id=second_trial)

    assert [pattern.kind for pattern in store.patterns.of_trial(second_trial)] == ["inline"]


def test_a_stopped_trial_may_still_say_what_it_measured(store, trial_id):
    store.trials.transition(trial_id, "cancelled")
    store.patterns.record("hoist", "loop", tried=1, confirmed=0, effects=[], trial_id=trial_id)
    assert store.patterns.priors()["hoist", "loop"].tries == 1


def test_impossible_observations_are_refused_whole(store, trial_id):
    good = Observation("hoist", "loop", 1, 0)
    for bad in (Observation("a", "b", 1, 2), Observation("a", "b", -1, -1), Observation("a", "b" * 251, 1, 0)):
        with pytest.raises(ValueError, match=r"impossible|longer"):
            store.patterns.record_all(trial_id, [good, bad])
    with pytest.raises(TrialNotFound):
        store.patterns.record_all("trial-none", [good])
    assert store.patterns.priors() == {}
