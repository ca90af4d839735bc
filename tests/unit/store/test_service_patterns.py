from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dean_airflow.store.service_patterns import ServicePattern
from dean_airflow.store.store import Store

FOUND = ServicePattern("evolution", "pattern-1", "hoist", "optimization", "moves work out of a loop", 0.8, "trial-x")


def test_what_was_said_last_counts_and_what_is_not_said_takes_nothing(store: Store) -> None:
    assert store.service_patterns.keep([FOUND, replace(FOUND, service="indexagent", trial_id=None)]) == 2
    assert store.service_patterns.keep([FOUND]) == 0
    assert store.service_patterns.keep([replace(FOUND, confidence=0.9, trial_id=None)]) == 1

    assert store.service_patterns.list(service="evolution") == [replace(FOUND, confidence=0.9)]
    assert [one.service for one in store.service_patterns.list(trial_id="trial-x")] == ["evolution"]
    assert len(store.service_patterns.list()) == 2


def test_what_nobody_names_any_more_is_removed(store: Store, clock) -> None:
    store.service_patterns.keep([FOUND])
    clock.move(days=2)
    store.service_patterns.keep([replace(FOUND, id="pattern-2")])

    assert store.service_patterns.remove_unseen(timedelta(days=1)) == 1
    assert [one.id for one in store.service_patterns.list()] == ["pattern-2"]


def test_a_caches_version_grows(store: Store) -> None:
    assert store.cache_versions.current("patterns") == 0
    assert [store.cache_versions.advance("patterns") for _ in range(2)] == [1, 2]
    assert (store.cache_versions.current("patterns"), store.cache_versions.current("health")) == (2, 0)
