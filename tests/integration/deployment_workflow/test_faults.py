"""A fault at every step of a deployment, and at every step back: what is left is the state before, or the one wanted.

The points are enumerated, not sampled: a deployment that is not disturbed says which there are.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from dean_airflow.errors import DeploymentError

from ...deployments.shop import Shop

HOOKS = "hooks: {pre_deploy: ['true'], backup: ['true'], post_deploy: ['true']}\n"
BLUE_GREEN = {"data": "blue_green", "web": "blue_green"}
RECREATE = {"data": "recreate", "web": "recreate"}


class Case:
    """A shop that runs `one`, and the deployment of `two` that is disturbed."""

    def __init__(self, shop: Shop, strategies: dict[str, str]) -> None:
        self.shop, self.strategies = shop, strategies
        self.old = self.reset()
        self.points: list[str] = []
        assert self.deploy(self.points.append)["success"]
        self.new = shop.state()
        assert self.reset() == self.old

    def reset(self) -> dict[str, Any]:
        """Back to where only `one` was ever deployed."""
        self.shop.deployer().down(str(self.shop.directory))
        shutil.rmtree(self.shop.site.backups, ignore_errors=True)
        self.shop.describe("one", strategies=self.strategies)
        assert self.shop.deploy()["success"]
        return self.shop.state()

    def deploy(self, at: Callable[[str], None]) -> dict[str, Any]:
        self.shop.describe("two", strategies=self.strategies)
        return self.shop.deploy(means={"at": at})

    @property
    def last_before_the_end(self) -> str:
        """The last point from which everything is taken back."""
        return self.points[self.points.index(":commit:before") - 1]

    def points_back(self) -> list[str]:
        """The points of a deployment that fails at its last step before it is final, from there on."""
        seen: list[str] = []

        last = self.last_before_the_end
        fault = fail_at(last)

        def at(point: str) -> None:
            seen.append(point)
            fault(point)

        self.deploy(at)
        assert self.shop.state() == self.old
        return [point for point in seen if ":undo-" in point]


def fail_at(*points: str, times: int = 1) -> Callable[[str], None]:
    """Raises at each of the points, so many times each; every other fault is a full disk."""
    left = dict.fromkeys(points, times)

    def at(point: str) -> None:
        if left.get(point, 0) > 0:
            left[point] -= 1
            if points.index(point) % 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            raise DeploymentError(f"a fault at {point}")

    return at


def one_of_both(case: Case, report: dict[str, Any], point: str) -> None:
    state = case.shop.state()
    wanted = case.new if report["success"] else case.old
    assert state == wanted, f"after a fault at {point}"
    if report["success"]:
        assert case.reset() == case.old


def every_step(shop: Shop, strategies: dict[str, str]) -> None:
    case = Case(shop, strategies)
    assert {"before", "after"} == {point.rpartition(":")[2] for point in case.points}
    for point in case.points:
        one_of_both(case, case.deploy(fail_at(point)), point)


def every_step_back(shop: Shop, strategies: dict[str, str], *, for_ever: bool) -> None:
    case = Case(shop, strategies)
    last = case.last_before_the_end
    points = case.points_back()
    assert len(points) >= 2 * len(shop.services) * 4
    for point in points:
        broken = fail_at(point, times=1_000_000 if for_ever else 1)
        fault = fail_at(last)

        def at(reached: str, fault: Callable[[str], None] = fault, broken: Callable[[str], None] = broken) -> None:
            fault(reached)
            broken(reached)

        report = case.deploy(at)
        if not for_ever:
            assert (report["status"], case.shop.state()) == ("rolled_back", case.old), point
            continue
        assert report["status"] == "failed", point
        told = [each for each in report["services"] if each["state"] == "rollback_failed"]
        assert len(told) == (0 if point.startswith(":") else 1), "the others are taken back all the same"
        if strategies is BLUE_GREEN:
            assert set(case.shop.answers().values()) <= {"one", "two"}, point
        again = case.deploy(lambda point: None)  # the cause is mended: the next deployment clears up, and goes on
        assert again["success"] and case.shop.state() == case.new, point
        assert case.reset() == case.old


@pytest.fixture
def one(shop: Shop) -> Shop:
    shop.services = ("web",)
    return shop


def test_every_step_of_one_service(one: Shop) -> None:
    every_step(one, BLUE_GREEN)


def test_every_step_back_of_one_service(one: Shop) -> None:
    every_step_back(one, RECREATE, for_ever=False)


@pytest.mark.slow
@pytest.mark.parametrize("strategies", [BLUE_GREEN, RECREATE], ids=["blue_green", "recreate"])
def test_every_step(shop: Shop, strategies: dict[str, str]) -> None:
    shop.extra = HOOKS
    every_step(shop, strategies)


@pytest.mark.slow
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("strategies", [BLUE_GREEN, RECREATE], ids=["blue_green", "recreate"])
def test_every_step_back(shop: Shop, strategies: dict[str, str], for_ever: bool) -> None:
    shop.extra = HOOKS
    every_step_back(shop, strategies, for_ever=for_ever)


@pytest.mark.slow
def test_every_step_of_going_back_to_a_backup(shop: Shop) -> None:
    """To before `web` was there: it is stopped, and `data` changes."""
    shop.describe("one", without=("web",))
    assert shop.deploy()["success"]
    shop.describe("two")
    assert shop.deploy()["success"]
    before = shop.state()
    name = shop.deployer().backups(str(shop.directory))[0].name
    points: list[str] = []

    def stop_at_the_end(point: str) -> None:
        points.append(point)
        if point == ":commit:before":
            raise DeploymentError("enough")

    assert shop.deploy(means={"at": stop_at_the_end}, rollback_to=name)["status"] == "rolled_back"
    assert shop.state() == before
    assert "web:withdraw:after" in points and "web:withdraw:undo-after" in points
    forward = [point for point in points if ":undo-" not in point]
    for point in forward:
        assert shop.deploy(means={"at": fail_at(point)}, rollback_to=name)["status"] == "rolled_back", point
        assert shop.state() == before, point
    for point in (point for point in points if ":undo-" in point):
        faults = fail_at(forward[-1]), fail_at(point)
        report = shop.deploy(means={"at": lambda at, faults=faults: [fault(at) for fault in faults]}, rollback_to=name)
        assert report["status"] == "rolled_back" and shop.state() == before, point
    assert shop.deploy(rollback_to=name)["success"]
    assert shop.answers() == {"data": "one", "web": "URLError"}
