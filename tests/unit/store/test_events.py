from __future__ import annotations

import pytest

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.events import Event


def test_events_are_numbered_from_one_in_each_trial(store, trial_id, clock):
    store.trials.create("trial-b", {"repository": "elsewhere"})
    started = store.events.append(trial_id, "trial_started")
    clock.move(seconds=1)
    step = store.events.append(trial_id, "generation", {"generation": 1})

    assert started == Event(trial_id, 1, "trial_started", {}, step.created_at.replace(second=0))
    assert store.events.append("trial-b", "trial_started").sequence == 1
    assert store.events.since(trial_id) == [started, step]
    assert store.events.since(trial_id, after=1) == [step]
    assert store.events.since(trial_id, limit=1) == [started]


def test_what_is_said_twice_under_one_key_is_kept_once(store, trial_id):
    first = store.events.append(trial_id, "generation", {"fitness": 0.5}, key="0/3")
    again = store.events.append(trial_id, "generation", {"fitness": 0.5}, key="0/3")
    other = store.events.append(trial_id, "generation", {"fitness": 0.5}, key="1/3")

    assert (first, other.sequence) == (again, 2)
    assert store.events.since(trial_id) == [first, other]


def test_an_event_needs_its_trial(store):
    with pytest.raises(TrialNotFound, match="trial-none"):
        store.events.append("trial-none", "trial_started")
