"""Deployments of two real services, from start to end."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.report import report_text
from dean_airflow.errors import DeploymentError, DeploymentLocked, StoreError

from ....databases import postgres_schema
from ....deployments.shop import Shop


def everything_below(folder: Path) -> dict[str, Any]:
    found = {
        str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if not path.is_socket()
    }
    return {name: data for name, data in found.items() if not name.endswith(("-shm", "-wal"))}  # SQLite's, also to read


@pytest.mark.parametrize("strategy", ["recreate", "blue_green"])
def test_a_release_follows_another(shop: Shop, strategy: str) -> None:
    strategies = {"data": strategy, "web": strategy}
    shop.describe("one", strategies=strategies)
    first = shop.deploy()
    assert (first["success"], first["overall_status"]) == (True, "healthy"), report_text(first)
    assert shop.answers() == {"data": "one", "web": "one"}
    assert any("Starting deployment" in line and "local environment" in line for line in shop.lines)

    shop.describe("two", strategies=strategies)
    second = shop.deploy()

    assert [(each["service"], each["state"]) for each in second["services"]] == [
        ("data", "deployed"),
        ("web", "deployed"),
    ]
    assert shop.answers() == {"data": "two", "web": "two"}
    state = shop.state()
    assert state["backend"]["programs"] == state["backend"]["running"]
    assert len(state["backend"]["programs"]) == 2 and len(state["backups"]) == 2
    assert not state["locked"] and not state["unfinished"] and not state["open_steps"]


def test_the_same_release_again_changes_nothing(running: Shop) -> None:
    before, pids = running.state(), running.answers("/")
    again = running.deploy()
    assert again["success"] and {each["state"] for each in again["services"]} == {"unchanged"}
    assert running.state() == before and running.answers("/") == pids
    assert again["backup"] is None


def test_only_what_changed_is_touched(running: Shop) -> None:
    before = running.backend.state()["programs"]
    running.describe("one", environment={"MORE": "1"})
    report = running.deploy(services=("web",))
    assert [(each["service"], each["state"]) for each in report["services"]] == [("web", "deployed")]
    assert [program in running.backend.state()["programs"] for program in before] == [True, False]


def test_one_that_never_becomes_healthy_is_taken_back_with_those_before_it(running: Shop) -> None:
    before = running.state()
    running.describe("two", broken={"web": "health"}, within=1)
    report = running.deploy()

    assert (report["success"], report["status"]) == (False, "rolled_back")
    assert [(each["service"], each["state"]) for each in report["services"]] == [
        ("data", "rolled_back"),
        ("web", "rolled_back"),
    ]
    assert "web" in report["message"] and "did not become healthy within 1 s" in report["message"]
    assert running.state() == before


@pytest.mark.slow
def test_one_that_ends_at_once_is_not_waited_for(running: Shop) -> None:
    before = running.state()
    running.describe("two", strategies={"data": "recreate", "web": "recreate"}, broken={"data": "start"}, within=120)
    report = running.deploy()
    assert report["status"] == "rolled_back" and "data (release" in report["message"]
    assert [(each["service"], each["state"]) for each in report["services"]] == [
        ("data", "rolled_back"),
        ("web", "pending"),
    ]
    assert running.state() == before


def test_a_first_deployment_that_fails_leaves_nothing(shop: Shop) -> None:
    shop.describe("one", broken={"web": "health"}, within=1)
    report = shop.deploy()
    assert report["status"] == "rolled_back"
    state = shop.state()
    assert state["backend"] == {"files": {}, "programs": [], "running": [], "traffic": {}}
    assert not state["releases"] and not state["backups"] and not shop.site.backups.exists()


def test_what_is_not_valid_is_refused_before_anything_is_changed(running: Shop) -> None:
    before = running.state()
    running.extra = "no_such_key: 1\n"
    running.describe("two")
    with pytest.raises(DeploymentError, match=r"The deployment is not valid: M44 dean-deployment.yaml:\d+"):
        running.deploy()
    assert running.state() == before
    with running.store() as store:
        newest = store.deployments.list()[0]
        assert newest.status == "failed" and newest.report["errors"] == []
        assert store.validations.list()[0].deployment_id == newest.id


def test_a_dry_run_says_all_and_touches_nothing(running: Shop) -> None:
    running.describe("two", strategies={"data": "recreate"})
    before, state = everything_below(running.folder / "home"), running.state()
    with running.store() as store:
        rows = store.deployments.count()
    before = everything_below(running.folder / "home")
    report = running.deploy(dry_run=True)

    text = report_text(report)
    assert report["dry_run"] and report["success"]
    assert "Would deploy shop to the local environment" in text
    assert "get other names than these" not in text
    old, new = state["releases"]["data"][0], report["plan"]["services"][0]["release"]
    assert f"  stop release {old} of data" in text and f"  start release {new} of data" in text
    assert everything_below(running.folder / "home") == before
    assert running.state() == state
    with running.store() as store:
        assert store.deployments.count() == rows


def test_a_dry_run_where_there_is_nothing_makes_nothing(shop: Shop) -> None:
    shop.describe("one")
    report = shop.deploy(dry_run=True, environment="staging")
    assert report["message"] == "Would deploy shop to the staging environment:"
    assert "get other names than these" in report_text(report)
    assert not (shop.folder / "home").exists()


def test_back_to_a_backup(running: Shop) -> None:
    running.describe("two")
    running.deploy()
    name = running.deployer().backups(str(running.directory))[0].name
    report = running.deploy(rollback_to=name)
    assert report["message"] == "Rollback completed." and report["kind"] == "rollback"
    assert running.answers() == {"data": "one", "web": "one"}


def test_back_to_when_a_service_was_not_there(shop: Shop) -> None:
    shop.describe("one", without=("web",))
    shop.deploy()
    shop.describe("one")
    shop.deploy()
    assert shop.answers() == {"data": "one", "web": "one"}
    report = shop.deploy(rollback_to=shop.deployer().backups(str(shop.directory))[0].name)
    assert report["success"], report_text(report)
    assert shop.answers() == {"data": "one", "web": "URLError"}
    assert list(shop.state()["releases"]) == ["data"]


def test_an_unknown_backup_changes_nothing(running: Shop) -> None:
    before = running.state()
    for name in ("nope", "../backups", "a b"):
        with pytest.raises(DeploymentError, match=f"There is no backup {name!r}.*Nothing changed"):
            running.deploy(rollback_to=name)
    assert running.state() == before


def test_a_service_that_is_not_described_any_more_is_left_alone(running: Shop) -> None:
    running.describe("two", without=("web",))
    report = running.deploy()
    assert report["left"] == ["web"] and running.answers() == {"data": "two", "web": "one"}
    assert "web" in report_text(report)


def test_stages_go_on_where_only_failed_tasks_are_cleared(running: Shop) -> None:
    """As Airflow calls them: each on its own, the failed one and those after it once more."""
    before = running.state()
    running.describe("two", broken={"web": "health"}, within=1)
    name = "deployment-0123456789ab"

    def run(stage: Any, execution: str) -> Any:
        with running.store() as store:
            means = Means(running.settings, store, running.lines.append, execution=execution)
            return stage(running.request(), means, name)

    assert run(stages.open_deployment, "first") == ["data", "web"]
    assert run(stages.back_up, "first") == run(stages.back_up, "first") != ""
    assert run(stages.roll_out, "first") == "data"
    with pytest.raises(DeploymentError, match=r"web .* did not become healthy"):
        run(stages.roll_out, "first")
    assert run(stages.roll_out, "first") == "", "what follows a failed service is left alone"
    with pytest.raises(DeploymentError, match="web is not rolled out"):
        run(stages.verify, "first")
    assert run(stages.take_back, "first")["status"] == run(stages.take_back, "first")["status"] == "rolled_back"
    assert running.state() == before
    assert run(stages.roll_out, "first") == "", "a task that outlives the roll-back does nothing"
    assert running.state() == before

    running.describe("two")
    assert run(stages.roll_out, "second") == "data"
    report = run(stages.verify, "second")
    assert (report["status"], report["attempt"]) == ("succeeded", 2)
    assert running.answers() == {"data": "two", "web": "two"}
    assert run(stages.verify, "second")["status"] == run(stages.take_back, "second")["status"] == "succeeded"


def test_two_at_once_do_not_mix(running: Shop) -> None:
    running.describe("two")
    reached, go_on = threading.Event(), threading.Event()
    reports: list[dict[str, Any]] = []

    def wait(point: str) -> None:
        if point == "data:switch:before":
            reached.set()
            assert go_on.wait(30)

    thread = threading.Thread(target=lambda: reports.append(running.deploy(means={"at": wait})))
    thread.start()
    assert reached.wait(30)
    try:
        with pytest.raises(DeploymentLocked, match=r"deployment-\w+ is deploying here, with the lock until"):
            running.deploy()
    finally:
        go_on.set()
        thread.join()
    assert reports[0]["success"] and running.answers() == {"data": "two", "web": "two"}


def test_blue_green_needs_a_socket_that_is_held(shop: Shop) -> None:
    shop.describe("one")
    path = shop.directory / "dean-deployment.yaml"
    port = shop.ports["web"]
    path.write_text(path.read_text().replace(f'"listen": "127.0.0.1:{port}", ', ""))
    with pytest.raises(DeploymentError, match="web cannot be rolled out blue/green: no socket is held for it"):
        shop.deploy()


def test_a_backup_that_cannot_be_kept_stops_the_deployment(running: Shop) -> None:
    before = running.state()
    running.describe("two")
    backups = running.site.backups
    aside = backups.with_name("aside")
    backups.rename(aside)
    backups.write_text("no folder")
    try:
        report = running.deploy()
    finally:
        backups.unlink()
        aside.rename(backups)
    assert report["status"] == "rolled_back" and "The backup cannot be kept" in report["message"]
    assert running.state() == before


def test_requests_go_on_while_releases_change(running: Shop) -> None:
    """50 requests a second, one of them slow, over a change of both services: none is lost."""
    failed: list[str] = []
    seen: set[str] = set()
    ended = threading.Event()

    def ask(path: str, pause: float) -> None:
        while not ended.wait(pause):
            answer = running.ask("web", path)
            (seen.add if answer in ("one", "two") else failed.append)(answer)

    threads = [threading.Thread(target=ask, args=("/", 0.02)), threading.Thread(target=ask, args=("/slow", 0.01))]
    running.describe("one", environment={"SLOW": "0.5"})
    running.deploy()
    for thread in threads:
        thread.start()
    running.describe("two", environment={"SLOW": "0.5"})
    report = running.deploy()
    until = time.monotonic() + 30
    while "two" not in seen and time.monotonic() < until:
        ended.wait(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    assert report["success"] and failed == [] and seen == {"one", "two"}


def test_no_secret_is_left_where_others_read(shop: Shop) -> None:
    secret = "canary-9f8b2c7d-secret"
    shop.describe("one", environment={"SECRET": secret})
    report = shop.deploy()
    assert report["success"]
    holders = [path for path in shop.site.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert {path.name for path in holders} <= {"environment.json", "dean-deployment.yaml"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in holders)
    assert secret not in json.dumps(report) + "".join(shop.lines)
    database = shop.settings.store.removeprefix("sqlite:///")
    for path in (database, f"{database}-wal"):
        assert not Path(path).exists() or secret.encode() not in Path(path).read_bytes()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(secret.encode() in command for command in commands)


def test_down_leaves_backups_and_data(running: Shop) -> None:
    (running.site.data / "kept").write_text("data")
    assert running.deployer().down(str(running.directory)) == ["data", "web"]
    assert running.answers() == {"data": "URLError", "web": "URLError"}
    assert (running.site.data / "kept").read_text() == "data"
    assert running.site.backups.exists()
    assert running.deployer().status(str(running.directory))["services"] == {}
    running.deployer().down(str(running.directory), destructive=True)
    assert not running.site.folder.exists()


def test_up_starts_what_a_restart_of_the_machine_ended(running: Shop) -> None:
    running.backend._supervisord.end()
    assert running.answers() == {"data": "URLError", "web": "URLError"}
    assert running.deployer().up(str(running.directory)) == ["data", "web"]
    running.describe("one")
    assert running.deploy()["success"] and running.answers() == {"data": "one", "web": "one"}
    assert running.deployer().up(str(running.directory)) == []


def test_a_store_that_cannot_be_opened_is_one_sentence(shop: Shop) -> None:
    shop.describe("one")
    shop.settings = shop.settings.model_copy(update={"store": "sqlite:////proc/nothing/dean.db"})
    with pytest.raises(StoreError):
        shop.deploy()
    assert not shop.site.folder.exists()


@pytest.mark.postgres
@pytest.mark.skipif(
    not os.environ.get("DEAN_TEST_POSTGRES"), reason="needs the URL of a database in DEAN_TEST_POSTGRES"
)
@pytest.mark.slow
def test_a_store_on_postgresql(shop: Shop) -> None:
    with postgres_schema() as url:
        shop.settings = shop.settings.model_copy(update={"store": url})
        shop.describe("one")
        assert shop.deploy()["success"]
        before = shop.state()
        shop.describe("two", broken={"web": "start"}, within=5)
        assert shop.deploy()["status"] == "rolled_back" and shop.state() == before
        shop.describe("two")
        assert shop.deploy()["success"] and shop.answers() == {"data": "two", "web": "two"}
