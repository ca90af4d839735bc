from __future__ import annotations

from dataclasses import replace

import pytest

from dean_airflow.errors import TrialCancelled, TrialNotFound
from dean_airflow.store.champions import Champion


def test_champions_are_listed_by_fitness_and_state(store, trial_id):
    first = Champion(trial_id, 0, 7, 2, ("a", "b"), 0.25)
    second = Champion(trial_id, 1, 3, 1, ("c",), 0.5, details={"lineage": [1, 2]})
    store.champions.put(first)
    store.champions.put(second)
    assert store.champions.list(trial_id) == [second, first]

    minimised = replace(first, genome=("b",), state="confirmed", details={"interval": [1.1, 1.3]})
    store.champions.put(minimised)

    assert store.champions.list(trial_id) == [second, minimised]
    assert store.champions.list(trial_id, "confirmed", "published") == [minimised]


def test_a_stopped_trial_takes_no_champion(store, trial_id):
    store.trials.transition(trial_id, "failed")
    with pytest.raises(TrialCancelled):
        store.champions.put(Champion(trial_id, 0, 0, 0, (), 0.5))
    with pytest.raises(TrialNotFound):
        store.champions.put(Champion("trial-none", 0, 0, 0, (), 0.5))
    assert store.champions.list(trial_id) == []
