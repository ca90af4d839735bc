"""`dean_deployment` and `airflow dean deploy`, as users run them."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from dean_airflow.airflow_settings import settings_from_airflow
from dean_airflow.deployment.backends.process.process import ProcessBackend
from dean_airflow.deployment.site import site_of

from ...deployments.shop import Shop, free_port
from .conftest import ROOT, Done

pytestmark = pytest.mark.airflow
EVERYTHING = {"preflight", "back_up", "roll_out", "verify", "roll_back", "report"}


@pytest.fixture
def three(airflow_home: Path, shop: Shop) -> Shop:
    """A shop of three services, deployed by the Airflow of the tests."""
    shop.services = ("data", "web", "front")
    shop.ports["front"] = free_port()
    shop.settings = settings_from_airflow()
    return shop


def states() -> dict[str, list[str]]:
    """The states of the newest run's tasks, mapped ones in a row."""
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        newest = select(TaskInstance.run_id).where(TaskInstance.dag_id == "dean_deployment")
        run_id = session.scalar(newest.order_by(TaskInstance.start_date.desc()).limit(1))
        rows = session.execute(
            select(TaskInstance.task_id, TaskInstance.state, TaskInstance.rendered_map_index).where(
                TaskInstance.run_id == run_id, TaskInstance.dag_id == "dean_deployment"
            )
        )
        found: dict[str, list[str]] = {}
        for task_id, state, label in rows:
            found.setdefault(task_id, []).append(f"{state} {label}" if label else str(state))
    return {task: sorted(each) for task, each in found.items()}


def run(airflow: Callable[..., Done], shop: Shop, **conf: Any) -> Done:
    given = {"deployment": str(shop.directory), "probes": False, **conf}
    return airflow("dags", "test", "dean_deployment", "-c", json.dumps(given))


def test_services_are_rolled_out_in_order_a_task_each(airflow: Callable[..., Done], three: Shop) -> None:
    three.describe("one")
    done = run(airflow, three)

    assert done.code == 0, done.log
    assert three.answers() == {"data": "one", "web": "one", "front": "one"}
    found = states()
    assert set(found) == EVERYTHING
    assert found["roll_out"] == ["success data", "success front", "success web"]
    assert {task: found[task] for task in ("preflight", "back_up", "verify", "roll_back", "report")} == {
        "preflight": ["success"],
        "back_up": ["success"],
        "verify": ["success"],
        "roll_back": ["skipped"],
        "report": ["success"],
    }
    order = [done.log.index(f"Rolling out {name}") for name in ("data", "web", "front")]
    assert order == sorted(order)
    assert "Deployment completed." in done.log


def test_a_third_service_that_never_becomes_healthy_is_rolled_back(airflow: Callable[..., Done], three: Shop) -> None:
    three.describe("one")
    assert three.deploy()["success"]
    before = three.state()
    three.describe("two", broken={"front": "health"}, within=1)
    done = run(airflow, three)

    assert done.code == 1
    assert three.state() == before
    found = states()
    assert found["roll_out"] == ["failed front", "success data", "success web"]
    assert (found["verify"], found["roll_back"], found["report"]) == (["upstream_failed"], ["success"], ["failed"])
    assert "front (release" in done.log and "did not become healthy within 1 s" in done.log
    for name in ("data", "web", "front"):
        assert f"{name:20} rolled_back" in done.log


@pytest.mark.slow
def test_one_that_fails_first_leaves_the_others_untouched(airflow: Callable[..., Done], three: Shop) -> None:
    three.describe("one", broken={"data": "start"}, within=5)
    done = run(airflow, three)

    assert done.code == 1
    found = states()
    assert found["roll_out"].count("failed data") == 1
    assert sum(each.startswith("skipped") for each in found["roll_out"]) == 2
    assert set(three.answers().values()) == {"URLError"}
    assert f"{'web':20} pending" in done.log and not three.site.backups.exists()


def test_what_is_not_valid_fails_the_first_task(airflow: Callable[..., Done], three: Shop) -> None:
    three.extra = "no_such_key: 1\n"
    three.describe("one")
    done = run(airflow, three)
    assert done.code == 1 and "The deployment is not valid: M44" in done.log
    found = states()
    assert found.pop("preflight") == ["failed"]
    assert {state for each in found.values() for state in each} == {"upstream_failed"}
    assert not three.site.releases.exists()


def test_a_dry_run_is_green_and_does_nothing(airflow: Callable[..., Done], three: Shop) -> None:
    three.describe("one")
    done = run(airflow, three, dry_run=True)
    assert done.code == 0 and "Would deploy shop to the local environment" in done.log
    assert states()["preflight"] == ["success"] and states()["back_up"] == ["skipped"]
    assert not three.site.folder.exists()


@pytest.mark.slow
def test_the_same_release_again_and_back_to_a_backup(airflow: Callable[..., Done], three: Shop) -> None:
    three.services = ("data",)
    three.describe("one")
    three.deploy()
    done = run(airflow, three)
    assert done.code == 0 and states()["back_up"] == ["skipped"] and "unchanged" in done.log

    three.describe("two")
    report = three.deploy()
    done = run(airflow, three, rollback_to=report["deployment_id"])
    assert done.code == 0 and "Rollback completed." in done.log
    assert three.answers() == {"data": "one"}


def test_the_command(airflow: Callable[..., Done], three: Shop, tmp_path: Path) -> None:
    three.services = ("data",)
    three.describe("one")
    directory = str(three.directory)
    config = tmp_path / "deploy.yaml"
    config.write_text(f"deployment_dir: {directory}\nenvironment: staging\nprobes: false\nservice_timeout: 20\n")

    would = airflow("dean", "deploy", "--config", str(config), "--dry-run")
    assert would.code == 0 and "Would deploy shop to the staging environment:" in would.out
    checked = airflow("dean", "deploy", directory, "--check-only", "--no-probes")
    assert checked.code == 0 and "Valid: 0 errors" in checked.out
    done = airflow("dean", "deploy", directory, "--config", str(config), "--environment", "local", "--json")
    report = json.loads(done.out)
    assert done.code == 0 and report["success"] and report["environment"] == "local"
    assert "Starting deployment" in done.log

    three.wait_until_running()
    shown = airflow("dean", "deployment", "status", directory)
    assert shown.code == 0 and "data" in shown.out and "running" in shown.out
    assert report["backup"] in airflow("dean", "deployment", "backups", directory).out
    assert "runs already" in airflow("dean", "deployment", "up", directory).out
    refused = airflow("dean", "deployment", "deploy", directory, "--rollback-to", "nope", "--no-probes")
    assert refused.code == 1 and "There is no backup 'nope'" in refused.log
    assert airflow("dean", "deployment", "down", directory).out == "Stopped: data.\n"
    three.describe("two", broken={"data": "start"}, within=4)
    assert airflow("dean", "deploy", directory, "--no-probes").code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("deployment_dirr: x\n", "has a key 'deployment_dirr' that nothing reads"),
        ("services: web\n", "services is 'web', which is not of its type"),
        ("environment: local\n", "No deployment is named"),
        ("service_timeout: 0\ndirectory: x\n", "service_timeout is 0; it must be from 1"),
    ],
)
def test_a_config_file_with_a_mistake(airflow: Callable[..., Done], tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "deploy.yaml").write_text(text)
    done = airflow("dean", "deploy", "--config", str(tmp_path / "deploy.yaml"))
    assert done.code == 1 and says in done.log and done.out == ""


@pytest.fixture
def example(airflow_home: Path, tmp_path: Path) -> Iterator[Path]:
    """The example with ports of its own; its servers end with the test."""
    directory = tmp_path / "examples" / "deployment"
    shutil.copytree(ROOT / "examples" / "deployment", directory)
    (directory / ".env").write_text(f"INDEXAGENT_PORT={free_port()}\nEVOLUTION_PORT={free_port()}\n")
    (directory / ".env").chmod(stat.S_IRUSR | stat.S_IWUSR)
    try:
        yield directory
    finally:
        ProcessBackend(site_of(directory, settings_from_airflow().data_dir)).close(destructive=True)


@pytest.mark.slow
def test_the_example_runs_this_projects_own_servers(airflow: Callable[..., Done], example: Path) -> None:
    done = airflow("dags", "test", "dean_deployment", "-c", json.dumps({"deployment": str(example)}))
    assert done.code == 0, done.log

    found = json.loads(airflow("dean", "deployment", "status", str(example), "--json").out)
    assert {name: one["state"] for name, one in found["services"].items()} == {
        "evolution": "running",
        "indexagent": "running",
    }
    for one in found["services"].values():
        with urlopen(f"http://{one['listen']}/health", timeout=10) as answer:
            assert json.load(answer)["status"] == "healthy"
    with (example / "serve.sh").open("a") as script:
        script.write("# another release\n")
    again = airflow("dean", "deploy", str(example))
    assert again.code == 0, again.log
    assert airflow("dean", "deployment", "down", str(example)).code == 0
    folder = str(site_of(example, settings_from_airflow().data_dir).folder)
    assert not [each for each in psutil.process_iter(["cmdline"]) if folder in " ".join(each.info["cmdline"] or ())]
