from __future__ import annotations

import pytest

from dean_airflow.errors import LeaseLost, TrialCancelled
from dean_airflow.store.migrants import Migrant


def test_an_island_takes_the_fittest_of_the_others_and_never_its_own(store, lease, other_lease):
    third = store.leases.acquire(lease.trial_id, 2, "third", lease.ttl)
    store.migrants.offer(lease, 2, ["own"], 0.9)
    store.migrants.offer(other_lease, 2, ["a", "b"], 0.3)
    store.migrants.offer(third, 4, ["c"], 0.4)

    assert store.migrants.take(lease, 2) == Migrant(2, 4, ("c",), 0.4)
    assert store.migrants.take(lease, 4) == Migrant(1, 2, ("a", "b"), 0.3)
    assert store.migrants.take(lease, 6) is None


def test_a_replay_gets_what_was_taken_even_if_better_came_since(store, lease, other_lease):
    store.migrants.offer(other_lease, 2, ["early"], 0.3)
    taken = store.migrants.take(lease, 2)
    store.migrants.offer(other_lease, 4, ["late"], 0.8)

    assert taken == Migrant(1, 2, ("early",), 0.3)
    assert store.migrants.take(lease, 2) == taken
    assert store.migrants.taken(lease.trial_id, 0) == {2: taken}


def test_a_replay_gets_nothing_where_there_was_nothing(store, lease, other_lease):
    assert store.migrants.take(lease, 2) is None
    store.migrants.offer(other_lease, 2, ["late"], 0.8)

    assert store.migrants.take(lease, 2) is None
    assert store.migrants.take(lease, 4) == Migrant(1, 2, ("late",), 0.8)
    assert store.migrants.taken(lease.trial_id, 0) == {2: None, 4: Migrant(1, 2, ("late",), 0.8)}


def test_an_offer_made_again_in_a_replay_stays_as_it_was(store, lease, other_lease):
    store.migrants.offer(other_lease, 2, ["a"], 0.3)
    store.migrants.offer(other_lease, 2, ["a"], 0.3)
    store.migrants.offer(other_lease, 2, ["b"], 0.9)

    assert store.migrants.take(lease, 2) == Migrant(1, 2, ("a",), 0.3)


def test_equal_offers_are_taken_in_a_fixed_order(store, lease, other_lease):
    third = store.leases.acquire(lease.trial_id, 2, "third", lease.ttl)
    store.migrants.offer(third, 1, ["from two"], 0.5)
    store.migrants.offer(other_lease, 3, ["from one, later"], 0.5)
    store.migrants.offer(other_lease, 2, ["from one"], 0.5)

    order = [store.migrants.take(lease, generation) for generation in (1, 2, 3)]

    assert [migrant and migrant.genome for migrant in order] == [("from one",), ("from one, later",), ("from two",)]


def test_stopped_and_fenced_islands_neither_offer_nor_take(store, lease, other_lease):
    store.leases.acquire(lease.trial_id, 0, "task", lease.ttl)
    with pytest.raises(LeaseLost):
        store.migrants.offer(lease, 1, ["a"], 0.5)
    with pytest.raises(LeaseLost):
        store.migrants.take(lease, 1)
    store.trials.transition(lease.trial_id, "cancelled")
    with pytest.raises(TrialCancelled):
        store.migrants.take(other_lease, 1)
    assert store.migrants.taken(lease.trial_id, 1) == {}
