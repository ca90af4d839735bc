from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dean_airflow.errors import (
    DeploymentLocked,
    DeploymentLockLost,
    DeploymentNotFound,
    IllegalTransition,
)
from dean_airflow.store.deployment_locks import DeploymentLock
from dean_airflow.store.store import Store

PLACE = "0123456789abcdef"
TTL = timedelta(seconds=30)
ASKED: dict[str, Any] = {
    "place": PLACE,
    "host": "host",
    "directory": "/srv/shop",
    "name": "shop",
    "environment": "staging",
}
STATUSES = (
    "pending",
    "validating",
    "deploying",
    "verifying",
    "succeeded",
    "rolling_back",
    "rolled_back",
    "failed",
)
LEGAL = {
    ("pending", "validating"),
    ("validating", "deploying"),
    ("validating", "failed"),
    ("deploying", "verifying"),
    ("deploying", "rolling_back"),
    ("verifying", "succeeded"),
    ("verifying", "rolling_back"),
    ("rolling_back", "rolled_back"),
    ("rolling_back", "failed"),
}
WAYS = {
    "pending": (),
    "validating": ("validating",),
    "deploying": ("validating", "deploying"),
    "verifying": ("validating", "deploying", "verifying"),
    "succeeded": ("validating", "deploying", "verifying", "succeeded"),
    "rolling_back": ("validating", "deploying", "rolling_back"),
    "rolled_back": ("validating", "deploying", "rolling_back", "rolled_back"),
    "failed": ("validating", "failed"),
}


@pytest.fixture
def lock(store: Store) -> DeploymentLock:
    store.deployments.create("deployment-a", **ASKED)
    return store.deployment_locks.acquire(PLACE, "deployment-a", TTL)


def bring_to(store: Store, lock: DeploymentLock, status: str) -> None:
    for each in WAYS[status]:
        store.deployments.transition(lock, "deployment-a", each)


@pytest.mark.parametrize("status", STATUSES)
def test_only_legal_transitions(store: Store, lock: DeploymentLock, status: str) -> None:
    bring_to(store, lock, status)
    for wanted in STATUSES:
        if wanted == status or (status, wanted) in LEGAL:
            continue
        with pytest.raises(IllegalTransition, match=f"is {status} and cannot become {wanted}"):
            store.deployments.transition(lock, "deployment-a", wanted)
    assert store.deployments.get("deployment-a").status == status
    for way in (wanted for before, wanted in sorted(LEGAL) if before == status):
        assert store.deployments.transition(lock, "deployment-a", way, error="why").error == "why"
        break


def test_times_and_the_report_are_kept(store: Store, lock: DeploymentLock, clock) -> None:
    clock.move(minutes=1)
    store.deployments.transition(lock, "deployment-a", "validating")
    clock.move(minutes=1)
    store.deployments.transition(lock, "deployment-a", "failed", report={"status": "failed"})

    record = store.deployments.get("deployment-a")
    assert record.is_final and record.report == {"status": "failed"}
    assert record.started_at - record.created_at == timedelta(minutes=1)
    assert record.completed_at - record.started_at == timedelta(minutes=1)


def test_one_that_ended_badly_is_taken_up_by_another_attempt_alone(store: Store) -> None:
    store.deployments.create("deployment-a", execution="one", **ASKED)
    lock = store.deployment_locks.acquire(PLACE, "deployment-a", TTL)
    assert store.deployments.create("deployment-a", execution="two", **ASKED).attempt == 1
    bring_to(store, lock, "failed")

    assert store.deployments.create("deployment-a", execution="one", **ASKED).status == "failed"
    again = store.deployments.create("deployment-a", execution="two", **{**ASKED, "environment": "production"})
    assert (again.status, again.attempt, again.environment) == ("pending", 2, "production")
    bring_to(store, lock, "succeeded")
    assert store.deployments.create("deployment-a", execution="three", **ASKED).status == "succeeded"


def test_old_ones_go_with_their_journal_unless_they_are_what_runs(store: Store, lock: DeploymentLock, clock) -> None:
    store.deployments.set_service(lock, "deployment-a", "web", position=1)
    store.deployment_steps.append(lock, "deployment-a", "start", "intent", service="web")
    bring_to(store, lock, "succeeded")
    store.releases.put(
        lock, "web", directory="/", release="r", previous_release=None, deployment_id="deployment-a", data=None
    )
    store.deployments.create("deployment-b", **ASKED)
    clock.move(days=30)
    assert store.deployments.remove_old(timedelta(days=31)) == store.deployments.remove_old(timedelta(days=1)) == 0
    store.releases.remove(lock, "web")
    assert store.deployments.remove_old(timedelta(days=1)) == 1
    assert [each.id for each in store.deployments.list()] == ["deployment-b"]
    assert store.deployment_steps.since("deployment-a") == [] == list(store.deployments.services("deployment-a"))


def test_lists_are_newest_first_and_filtered(store: Store, lock: DeploymentLock, clock) -> None:
    clock.move(seconds=1)
    store.deployments.create("deployment-b", **{**ASKED, "directory": "/srv/other", "place": "other"})
    store.deployments.transition(lock, "deployment-a", "validating")

    def ids(**options: Any) -> list[str]:
        return [each.id for each in store.deployments.list(**options)]

    assert ids() == ["deployment-b", "deployment-a"]
    assert ids(limit=1, offset=1) == ["deployment-a"]
    assert ids(directory="/srv/other") == ["deployment-b"]
    assert ids(status="validating") == ids(place=PLACE) == ["deployment-a"]
    assert store.deployments.count() == 2 and store.deployments.count(status="validating") == 1
    assert [each.id for each in store.deployments.unfinished("other")] == ["deployment-b"]
    with pytest.raises(ValueError, match="limit"):
        store.deployments.list(limit=0)


def test_unknown_ones(store: Store, lock: DeploymentLock) -> None:
    for ask in (
        lambda: store.deployments.get("deployment-x"),
        lambda: store.deployments.transition(lock, "deployment-x", "validating"),
        lambda: store.deployment_steps.append(lock, "deployment-x", "start", "intent"),
        lambda: store.validations.get("validation-x"),
    ):
        with pytest.raises(DeploymentNotFound, match="There is no"):
            ask()
    with pytest.raises(TypeError, match="status"):
        store.deployments.update(lock, "deployment-a", status="failed")


def test_services_in_order_of_the_roll_out(store: Store, lock: DeploymentLock) -> None:
    store.deployments.set_service(lock, "deployment-a", "web", position=2, release="r2", previous_release="r1")
    store.deployments.set_service(lock, "deployment-a", "data", position=1, release="d1")
    store.deployments.set_service(lock, "deployment-a", "web", state="deployed", health={"status": "healthy"})

    services = store.deployments.services("deployment-a")
    assert [(each.service, each.state, each.release, each.previous_release) for each in services] == [
        ("data", "pending", "d1", None),
        ("web", "deployed", "r2", "r1"),
    ]
    assert services[1].health == {"status": "healthy"}


def test_the_journal_counts_and_is_read_from_anywhere(store: Store, lock: DeploymentLock) -> None:
    for state in ("intent", "done"):
        store.deployment_steps.append(lock, "deployment-a", "start", state, service="web", data={"release": "r1"})
    store.deployment_steps.append(lock, "deployment-a", "post_deploy", "failed")

    lines = store.deployment_steps.since("deployment-a")
    assert [(line.sequence, line.service, line.action, line.state) for line in lines] == [
        (1, "web", "start", "intent"),
        (2, "web", "start", "done"),
        (3, "", "post_deploy", "failed"),
    ]
    assert [line.sequence for line in store.deployment_steps.since("deployment-a", 1, limit=1)] == [2]
    assert store.deployment_steps.of_attempt("deployment-a", 1) == lines
    assert store.deployment_steps.of_attempt("deployment-a", 2) == []
    assert store.deployment_steps.newest(["deployment-a", "deployment-x"]) == {"deployment-a": 3}
    assert store.deployment_steps.newest([]) == {}


def test_what_runs_where(store: Store, lock: DeploymentLock) -> None:
    first = {"directory": "/srv/shop", "deployment_id": "deployment-a"}
    store.releases.put(lock, "web", release="r1", previous_release=None, **first)
    store.releases.put(lock, "web", release="r2", previous_release="r1", data={"port": 1}, **first)
    store.releases.put(lock, "data", release="d1", previous_release=None, **first)

    current = store.releases.current(PLACE)
    assert list(current) == ["data", "web"]
    assert (current["web"].release, current["web"].previous_release, current["web"].data) == ("r2", "r1", {"port": 1})
    store.releases.remove(lock, "data")
    store.releases.remove(lock, "data")
    assert [release.service for release in store.releases.all()] == ["web"]
    assert store.releases.current("elsewhere") == {}


def test_a_lock_keeps_others_out_until_it_is_released_or_expires(store: Store, lock: DeploymentLock, clock) -> None:
    with pytest.raises(DeploymentLocked, match=r"deployment-a is deploying here, with the lock until 12:00:30 UTC"):
        store.deployment_locks.acquire(PLACE, "deployment-b", TTL)
    assert store.deployment_locks.holder(PLACE).owner == "deployment-a"
    assert store.deployment_locks.acquire("elsewhere", "deployment-b", TTL).token == 1

    clock.move(seconds=20)
    lock = store.deployment_locks.renew(lock)
    clock.move(seconds=20)
    with pytest.raises(DeploymentLocked):
        store.deployment_locks.acquire(PLACE, "deployment-b", TTL)
    clock.move(seconds=10)
    assert store.deployment_locks.holder(PLACE) is None
    taken = store.deployment_locks.acquire(PLACE, "deployment-b", TTL)
    assert taken.token == lock.token + 1

    store.deployment_locks.release(lock)  # of one that lost it: nothing
    assert store.deployment_locks.holder(PLACE).owner == "deployment-b"
    store.deployment_locks.release(taken)
    assert store.deployment_locks.holder(PLACE) is None
    assert store.deployment_locks.acquire(PLACE, "deployment-c", TTL).token == taken.token + 1


def test_an_expired_lock_holds_until_somebody_takes_it(store: Store, lock: DeploymentLock, clock) -> None:
    clock.move(hours=1)
    store.deployment_steps.append(lock, "deployment-a", "start", "intent")
    assert store.deployment_locks.renew(lock, timedelta(hours=1)).expires_at == clock() + timedelta(hours=1)


def test_whoever_was_taken_over_can_write_nothing(store: Store, lock: DeploymentLock) -> None:
    again = store.deployment_locks.acquire(PLACE, "deployment-a", TTL)  # a retry takes over at once
    assert again.token == lock.token + 1
    for write in (
        lambda: store.deployment_locks.renew(lock),
        lambda: store.deployments.transition(lock, "deployment-a", "validating"),
        lambda: store.deployments.update(lock, "deployment-a", error="late"),
        lambda: store.deployments.set_service(lock, "deployment-a", "web", state="deployed"),
        lambda: store.deployment_steps.append(lock, "deployment-a", "start", "intent"),
        lambda: store.releases.put(
            lock, "web", directory="/", release="r", previous_release=None, deployment_id="deployment-a"
        ),
        lambda: store.releases.remove(lock, "web"),
    ):
        with pytest.raises(DeploymentLockLost, match="taken over by deployment-a"):
            write()
    assert store.deployments.get("deployment-a").status == "pending"


def test_reports_of_the_validator(store: Store, clock) -> None:
    def report(directory: str, *severities: str) -> dict[str, Any]:
        return {
            "directory": directory,
            "environment": "local",
            "valid": "error" not in severities,
            "summary": "said",
            "findings": [{"id": "M01", "severity": severity} for severity in severities],
        }

    first = store.validations.save(report("/srv/shop", "error", "warning", "warning"))
    clock.move(days=1)
    second = store.validations.save(report("/srv/other"), deployment_id="deployment-a")

    assert first.id.startswith("validation-") and (first.valid, first.errors, first.warnings) == (False, 1, 2)
    assert store.validations.get(first.id) == (first, report("/srv/shop", "error", "warning", "warning"))
    assert [each.id for each in store.validations.list()] == [second.id, first.id]
    assert store.validations.list(valid=True) == store.validations.list(directory="/srv/other") == [second]
    assert (store.validations.count(), store.validations.count(valid=False)) == (2, 1)
    assert store.validations.remove_old(timedelta(hours=12)) == 1
    assert store.validations.list() == [second]
    with pytest.raises(ValueError, match="limit"):
        store.validations.list(limit=1001)
