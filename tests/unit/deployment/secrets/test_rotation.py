"""Rotations against a target that fails, or is killed, at every step: the old value is in use after, or the new one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import load_settings
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.rotation import Rotating, abandon, rotate
from dean_airflow.deployment.secrets.staging import Staging
from dean_airflow.deployment.secrets.target import Acceptance
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeploymentError
from dean_airflow.store.store import Store

from ....databases import Clock

OLD = "old-zK8wqJd72mLpQvB5nR1xYt0EoKq93uWc8"
STEPS = ("stage", "add", "accept", "switch", "roll", "verify", "overlap", "retire", "prove", "record", "clear")
TWICE = timedelta(hours=2)


class Killed(BaseException):
    """The process ends here, without a word."""


class Thing:
    """A secret that lives in memory, accepted by a set of values. `faults` are methods that fail, so many times."""

    name = "thing"
    overlaps = True

    def __init__(self) -> None:
        self.value, self.accepted = OLD, {OLD}
        self.faults: dict[str, int] = {}
        self.rolled: list[str] = []
        self.recorded = 0
        self.made = 0

    def _may(self, method: str) -> None:
        if self.faults.get(method, 0) > 0:
            self.faults[method] -= 1
            raise DeploymentError(f"{method} does not work.")

    def read(self) -> str:
        self._may("read")
        return self.value

    def generate(self) -> str:
        self.made += 1
        return f"new-{self.made}-Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"

    def add(self, old: str, new: str) -> None:
        self._may("add")
        self.accepted |= {old, new}

    def switch(self, old: str, new: str) -> None:
        self._may("switch")
        self.value = new

    def retire(self, old: str, new: str) -> None:
        self._may("retire")
        self.accepted -= {old}

    def restore(self, old: str, new: str) -> None:
        self._may("restore")
        self.value, self.accepted = old, {old}

    def acceptance(self, value: str) -> Acceptance:
        return "accepted" if value in self.accepted else "refused"

    def shown(self, value: str) -> tuple[str, ...]:
        return (value,)

    def roll(self, key: str) -> None:
        self._may("roll")
        self.rolled.append(key.rpartition(".")[2])

    def record(self) -> None:
        self._may("record")
        self.recorded += 1


class Bench:
    def __init__(self, folder: Path) -> None:
        self.settings = load_settings({"AIRFLOW_HOME": str(folder)})
        self.clock = Clock()
        self.store = Store.open(self.settings.store, now=self.clock)
        self.thing = Thing()
        self.lines: list[str] = []
        self.ids = 0

    def rotating(self, overlap: timedelta = timedelta(0)) -> Rotating:
        site = site_of(self.settings.data_dir, self.settings.data_dir)
        return Rotating(
            self.thing, site, overlap=overlap, requested_by="ada", roll=self.thing.roll, record=self.thing.record,
            accept_seconds=0.3,
        )  # fmt: skip

    def means(self, at: Callable[[str], None] = lambda point: None) -> Means:
        return Means(self.settings, self.store, self.lines.append, at=at, lock_ttl=timedelta(seconds=30))

    def rotate(self, at: Callable[[str], None] = lambda point: None, **options: Any) -> dict[str, Any]:
        self.ids += 1
        return rotate(self.rotating(**options), self.means(at), f"deployment-{self.ids:012x}")

    @property
    def staged(self) -> bool:
        return Staging(self.settings.data_dir, self.rotating().place).path.exists()

    def everything(self) -> str:
        """All that was said and kept."""
        rows = self.store.deployments.list()
        steps = [step for row in rows for step in self.store.deployment_steps.since(row.id)]
        return "\n".join([*self.lines, *map(str, rows), *map(str, steps), *map(str, self.store.audit.recent())])


@pytest.fixture
def bench(tmp_path: Path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def is_old(thing: Thing) -> bool:
    return (thing.value, thing.accepted) == (OLD, {OLD})


def is_new(thing: Thing) -> bool:
    return thing.value.startswith("new-") and thing.accepted == {thing.value}


def test_a_rotation_from_end_to_end(bench: Bench):
    report = bench.rotate()

    assert (report["success"], report["status"], report["old_refused"]) == (True, "succeeded", True)
    assert is_new(bench.thing)
    assert (bench.thing.rolled, bench.thing.recorded) == (["forward"], 1)
    assert not bench.staged
    (row,) = bench.store.deployments.list()
    assert (row.kind, row.name, row.status, row.requested_by) == ("rotation", "thing", "succeeded", "ada")
    taken = [step.action for step in bench.store.deployment_steps.since(row.id) if step.state == "done"]
    assert tuple(taken) == STEPS
    assert [(entry.user, entry.resource, entry.outcome) for entry in reversed(bench.store.audit.recent())] == [
        ("ada", "thing", "begun"),
        ("ada", "thing", "succeeded"),
    ]
    assert bench.store.deployment_locks.holder(bench.rotating().place) is None


def test_no_value_is_said_or_kept(bench: Bench):
    bench.thing.faults["retire"] = 1
    bench.rotate()
    bench.rotate()

    for value in (OLD, bench.thing.value):
        assert value not in bench.everything()


def test_while_the_overlap_lasts_both_are_accepted_and_nothing_waits(bench: Bench):
    waiting = bench.rotate(overlap=TWICE)

    assert waiting["status"] == "waiting"
    assert datetime.fromisoformat(waiting["waiting_until"]) == bench.clock.time + TWICE
    assert bench.thing.value.startswith("new-")
    assert bench.thing.accepted == {OLD, bench.thing.value}
    assert bench.store.deployment_locks.holder(bench.rotating().place) is None

    bench.clock.time += timedelta(hours=1)
    assert bench.rotate(overlap=TWICE)["status"] == "waiting"
    bench.clock.time += timedelta(hours=1)
    ended = bench.rotate(overlap=TWICE)

    assert (ended["status"], ended["rotation"]) == ("succeeded", waiting["rotation"])
    assert is_new(bench.thing)
    assert (bench.thing.made, bench.thing.rolled) == (1, ["forward"])
    assert len(bench.store.deployments.list()) == 1


def test_what_cannot_overlap_does_not_wait(bench: Bench):
    bench.thing.overlaps = False

    assert bench.rotate(overlap=TWICE)["status"] == "succeeded"


@pytest.mark.parametrize("method", ["read", "add", "switch", "roll", "retire", "record"])
def test_a_failure_at_any_step_restores_the_old(bench: Bench, method: str):
    bench.thing.faults[method] = 1

    report = bench.rotate()

    assert report["status"] == ("failed" if method == "read" else "rolled_back")
    assert report["error"] == f"{method} does not work."
    assert is_old(bench.thing)
    assert not bench.staged
    assert bench.thing.rolled == {"retire": ["forward", "back"], "record": ["forward", "back"], "roll": ["back"]}.get(
        method, []
    )
    assert bench.rotate()["status"] == "succeeded"
    assert is_new(bench.thing)


@pytest.mark.parametrize("what", ["new is not accepted", "old is not refused"])
def test_a_new_value_that_does_not_work_or_an_old_one_that_still_does(bench: Bench, what: str):
    if what == "new is not accepted":
        bench.thing.add = lambda old, new: None  # type: ignore[method-assign]
    else:
        bench.thing.retire = lambda old, new: None  # type: ignore[method-assign]

    report = bench.rotate()

    assert report["status"] == "rolled_back"
    assert "by everybody after 0.3 s" in report["error"]
    assert is_old(bench.thing)


def test_an_old_value_that_cannot_be_restored_is_said_and_ended_by_the_next_rotation(bench: Bench):
    bench.thing.faults = {"retire": 1, "restore": 3}

    report = bench.rotate()

    assert report["status"] == "failed"
    assert report["message"] == "The old value could not be restored: restore does not work."
    assert bench.staged
    assert bench.rotate()["status"] == "succeeded"
    assert is_new(bench.thing)
    assert bench.thing.made == 1
    assert not bench.staged


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_the_next_call_ends_it(bench: Bench, step: str, when: str):
    def killed(point: str) -> None:
        if point == f":{step}:{when}":
            raise Killed

    with pytest.raises(Killed):
        bench.rotate(killed)
    assert OLD in bench.thing.accepted or is_new(bench.thing)
    bench.clock.time += timedelta(seconds=60)  # the lock of the killed one runs out

    report = bench.rotate()

    assert report["status"] == "succeeded"
    assert is_new(bench.thing)
    assert bench.thing.made == 1 or (step, when) == ("stage", "before")
    assert not bench.staged
    assert len(bench.store.deployments.list()) == 1


@pytest.mark.parametrize("when", ["undo-before", pytest.param("undo-after", marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", ["switch", "roll", "verify"])
def test_killed_while_it_is_taken_back_the_next_call_goes_on_with_that(bench: Bench, step: str, when: str):
    def killed(point: str) -> None:
        if point == f":{step}:{when}":
            raise Killed

    bench.thing.faults["retire"] = 1
    with pytest.raises(Killed):
        bench.rotate(killed)
    bench.clock.time += timedelta(seconds=60)

    report = bench.rotate()

    assert (report["status"], report["error"]) == ("rolled_back", "retire does not work.")
    assert is_old(bench.thing)
    assert not bench.staged


def test_a_rotation_that_is_given_up_restores_the_old(bench: Bench):
    assert abandon(bench.rotating(), bench.means(), "nothing is under way") is None
    bench.rotate(overlap=TWICE)

    report = abandon(bench.rotating(), bench.means(), "The run was stopped.")

    assert report is not None
    assert (report["status"], report["error"]) == ("rolled_back", "The run was stopped.")
    assert is_old(bench.thing)
    assert not bench.staged


def test_an_interruption_restores_the_old(bench: Bench):
    def interrupted(point: str) -> None:
        if point == ":roll:before":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.rotate(interrupted)

    assert is_old(bench.thing)


def test_a_secret_that_was_changed_by_hand_meanwhile_is_not_overwritten_by_what_was_kept(bench: Bench):
    bench.thing.faults = {"retire": 1, "restore": 3}
    bench.rotate()
    bench.thing.value = "by-hand-Jd72mLpQvB5nR1xYt0EoKq93uWc8"
    bench.thing.accepted = {bench.thing.value}

    assert bench.rotate()["status"] == "succeeded"
    assert bench.thing.value.startswith("new-2-")


def test_the_staged_values_are_their_owners_alone(bench: Bench):
    bench.rotate(overlap=TWICE)
    path = Staging(bench.settings.data_dir, bench.rotating().place).path

    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["old"] == OLD
