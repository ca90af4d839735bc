"""The deploying process is killed at a point, and somebody goes on: the same deployment, or the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.errors import DeploymentLocked

from ...deployments.shop import Shop
from .test_faults import BLUE_GREEN, RECREATE, Case

SCRIPT = "tests.deployments.deploying"
FINAL = ("commit", "retire", "tidy")


def kill_at(case: Case, deployment_id: str, point: str, ttl: float, *, must: bool = True) -> int:
    """How the process ended: killed, or, where it need not be (`must`), well."""
    case.shop.describe("two", strategies=case.strategies)
    words = [sys.executable, "-m", SCRIPT, str(case.shop.folder), deployment_id, str(ttl), point]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in ((-9,) if must else (-9, 0)), f"not killed at {point}: {done.stdout}{done.stderr}"
    return done.returncode


def again(case: Case, deployment_id: str) -> dict[str, Any]:
    """As Airflow's retry of a killed task."""
    with case.shop.store() as store:
        means = Means(case.shop.settings, store, case.shop.lines.append)
        return stages.deploy(case.shop.request(), means, deployment_id)


def another(case: Case) -> dict[str, Any]:
    """Another deployment, of what ran before, once the dead one's lock has expired."""
    case.shop.describe("one", strategies=case.strategies)
    until = time.monotonic() + 30
    while True:
        try:
            return case.shop.deploy()
        except DeploymentLocked:
            assert time.monotonic() < until
            time.sleep(0.05)


def killed_everywhere(shop: Shop, strategies: dict[str, str], points: slice = slice(None)) -> None:
    case = Case(shop, strategies)
    for number, point in enumerate(case.points[points]):
        name = f"deployment-{number:012x}"
        final = point.split(":")[1] in FINAL and not point.endswith("commit:before")
        if number % 2 == 0 or final:
            kill_at(case, name, point, ttl=60)
            report = again(case, name)
            assert report["success"] and case.shop.state() == case.new, point
            assert case.reset() == case.old
        else:
            kill_at(case, name, point, ttl=0.5)
            report = another(case)
            assert report["success"] and {each["state"] for each in report["services"]} == {"unchanged"}, point
            assert case.shop.state() == case.old, point


def test_killed_at_some_points(shop: Shop) -> None:
    shop.services = ("web",)
    killed_everywhere(shop, BLUE_GREEN, slice(1, None, 7))


@pytest.mark.slow
@pytest.mark.parametrize("strategies", [BLUE_GREEN, RECREATE], ids=["blue_green", "recreate"])
def test_killed_at_every_point(shop: Shop, strategies: dict[str, str]) -> None:
    killed_everywhere(shop, strategies)


@pytest.mark.slow
@pytest.mark.parametrize("strategies", [BLUE_GREEN, RECREATE], ids=["blue_green", "recreate"])
def test_killed_at_every_write_to_the_store(shop: Shop, strategies: dict[str, str]) -> None:
    """Finer than the steps: between a step and its line, a line and the row it is about, the last row and the lock."""
    shop.services = ("web",)
    case = Case(shop, strategies)
    number = 0
    while True:
        number += 1
        name = f"deployment-{number:012x}"
        code = kill_at(case, name, f"write:{number}:{'before' if number % 2 else 'after'}", ttl=60, must=False)
        report = again(case, name)
        assert report["success"] and case.shop.state() == case.new, number
        if code == 0:
            break
        assert case.reset() == case.old
    assert number > 30


@pytest.mark.slow
def test_a_kill_in_the_middle_of_going_back(shop: Shop) -> None:
    """Killed while a deployment is taken back, the next one takes the rest back."""
    shop.services = ("web",)
    case = Case(shop, RECREATE)
    shop.describe("two", strategies=RECREATE, broken={"web": "start"}, within=5)
    words = [sys.executable, "-m", SCRIPT, str(shop.folder), "deployment-0", "0.5", "web:stop_previous:undo-before"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == -9
    report = another(case)
    assert report["success"] and case.shop.state() == case.old


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_is_interrupted(running: Shop, number: int, code: int) -> None:
    before = running.state()
    running.describe("two", broken={"web": "health"}, within=100)
    words = [sys.executable, "-m", "airflow", "dean", "deploy", str(running.directory), "--no-probes"]
    environment = {**os.environ, "AIRFLOW_HOME": str(running.folder / "home")}
    environment.pop("AIRFLOW__DEAN__DATA_DIR", None)
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:

        def verifying() -> bool:
            with running.store() as store:
                newest = store.deployments.list()[0]
                return any(
                    (each.service, each.action) == ("web", "verify") for each in store.deployment_steps.since(newest.id)
                )

        until = time.monotonic() + 90
        running.services = ("data", "web")
        while not (verifying() and running.ask("data") == "two"):
            assert time.monotonic() < until and command.poll() is None
            time.sleep(0.1)
        command.send_signal(number)
        _, said = command.communicate(timeout=60)
    assert command.returncode == code, said
    assert running.state() == before
    with running.store() as store:
        assert store.deployments.list()[0].status == "rolled_back"


def test_supervisord_is_killed_in_the_middle(running: Shop) -> None:
    before = running.state()
    running.describe("two")

    def at(point: str) -> None:
        if point == "web:switch:before":
            os.kill(running.backend._supervisord.pid() or 0, signal.SIGKILL)

    report = running.deploy(means={"at": at})
    state = running.state()
    if report["success"]:
        assert state["answers"] == {"data": "two", "web": "two"}
    else:
        assert state == before
    running.describe("three")
    assert running.deploy()["success"] and running.answers() == {"data": "three", "web": "three"}
