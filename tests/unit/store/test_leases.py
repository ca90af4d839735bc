from __future__ import annotations

import pytest

from dean_airflow.errors import LeaseHeld, LeaseLost, TrialCancelled, TrialNotFound


def test_a_retry_of_the_same_task_takes_over_and_fences_the_attempt_before_it(store, trial_id, lease):
    second = store.leases.acquire(trial_id, 0, "task", lease.ttl)

    assert second.token > lease.token
    with pytest.raises(LeaseLost, match="Island 0 of trial trial-a"):
        store.leases.renew(lease)
    store.leases.release(lease)  # must not take the island from its new holder
    assert store.leases.renew(second).token == second.token


def test_another_owner_waits_until_the_lease_expires(store, trial_id, lease, clock):
    with pytest.raises(LeaseHeld, match="task until 12:00:30 UTC"):
        store.leases.acquire(trial_id, 0, "rival", lease.ttl)

    clock.move(seconds=30)

    rival = store.leases.acquire(trial_id, 0, "rival", lease.ttl)
    assert (rival.owner, rival.token) == ("rival", lease.token + 1)
    with pytest.raises(LeaseLost):
        store.leases.renew(lease)


def test_a_renewed_lease_lasts_longer(store, trial_id, lease, clock):
    clock.move(seconds=20)
    assert store.leases.renew(lease).expires_at == clock() + lease.ttl
    clock.move(seconds=20)

    with pytest.raises(LeaseHeld):
        store.leases.acquire(trial_id, 0, "rival", lease.ttl)


def test_an_expired_lease_nobody_took_can_still_be_renewed(store, lease, clock):
    clock.move(minutes=10)

    assert store.leases.renew(lease).expires_at == clock() + lease.ttl


def test_a_released_lease_is_free_at_once_and_no_longer_writes(store, trial_id, lease):
    store.leases.release(lease)

    with pytest.raises(LeaseLost):
        store.leases.renew(lease)
    assert store.leases.acquire(trial_id, 0, "rival", lease.ttl).token == lease.token + 1


def test_islands_have_leases_of_their_own_and_the_active_ones_are_listed(store, trial_id, lease, other_lease, clock):
    assert [(held.island, held.owner) for held in store.leases.active(trial_id)] == [(0, "task"), (1, "other task")]
    store.leases.release(lease)
    assert [held.island for held in store.leases.active(trial_id)] == [1]
    clock.move(seconds=31)
    assert store.leases.active(trial_id) == []


@pytest.mark.parametrize("end", ["cancelled", "failed", "completed"])
def test_a_stopped_trial_gives_and_renews_no_lease(store, trial_id, lease, end):
    store.trials.transition(trial_id, end)

    with pytest.raises(TrialCancelled, match=end):
        store.leases.acquire(trial_id, 0, "task", lease.ttl)
    with pytest.raises(TrialCancelled, match=end):
        store.leases.renew(lease)


def test_a_reopened_trial_gives_leases_again_but_not_to_the_old_holder(store, trial_id, lease):
    store.trials.transition(trial_id, "cancelled")
    store.trials.reopen(trial_id)

    fresh = store.leases.acquire(trial_id, 0, "task", lease.ttl)
    with pytest.raises(LeaseLost):
        store.leases.renew(lease)
    assert store.leases.renew(fresh).token == fresh.token


def test_a_lease_needs_its_trial(store, lease):
    with pytest.raises(TrialNotFound, match="trial-none"):
        store.leases.acquire("trial-none", 0, "task", lease.ttl)
