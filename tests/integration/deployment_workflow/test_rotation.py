"""A secret of a real deployment rotated: by the library, the command and the DAG; killed, refused, stopped."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.rotating import rotating_of
from dean_airflow.deployment.secrets.rotation import rotate
from dean_airflow.store.ids import new_deployment_id

from ...deployments.shop import Shop

OLD = "old-Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"
NAME = "SHOP_PASSWORD"
STEPS = ("stage", "add", "accept", "switch", "roll", "verify", "overlap", "retire", "prove", "record", "clear")
POINTS = [f":{step}:{when}" for step in STEPS for when in ("before", "after")]


def secret_shop(shop: Shop, facts: str = "{}") -> Shop:
    """Deployed, with its secret in a secrets file and in the environment of both services."""
    secrets = shop.directory / "app.env"
    secrets.write_text(f"# the shop's\n{NAME}={OLD} # of last year\nOTHER=stays\n")
    secrets.chmod(0o600)
    shop.extra = f"secrets_file: app.env\nsecrets: {{{NAME}: {facts}}}\n"
    describe(shop)
    assert shop.deploy()["success"]
    return shop


def describe(shop: Shop, **options: Any) -> None:
    shop.describe("1", environment={"SECRET": f"${{{NAME}}}"}, **options)


def rotated(shop: Shop) -> dict[str, Any]:
    with shop.store() as store:
        means = Means(shop.settings, store, shop.lines.append)
        return rotate(rotating_of(str(shop.directory), NAME, means), means, new_deployment_id())


def in_file(shop: Shop) -> str:
    return re.search(rf"^{NAME}=(\S+) # of last year$", (shop.directory / "app.env").read_text(), re.M)[1]  # type: ignore[index]


def in_use(shop: Shop) -> set[str]:
    found = set()
    for port in shop.ports.values():
        with urlopen(f"http://127.0.0.1:{port}/secret", timeout=10) as answer:
            found.add(json.load(answer)["secret"])
    return found


def test_readers_get_the_new_value_and_the_file_keeps_all_else(shop: Shop) -> None:
    report = rotated(secret_shop(shop))

    assert (report["success"], report["old_refused"]) == (True, None)
    assert in_use(shop) == {in_file(shop)}
    assert in_file(shop) != OLD and len(in_file(shop)) == 48
    assert (shop.directory / "app.env").read_text() == (
        f"# the shop's\n{NAME}={in_file(shop)} # of last year\nOTHER=stays\n"
    )
    assert (shop.directory / "app.env").stat().st_mode & 0o777 == 0o600
    noted = (shop.directory / "secrets" / "rotation.yaml").read_text()
    assert re.fullmatch(rf"{NAME}: \d{{4}}-\d\d-\d\d\n", noted)
    assert date.fromisoformat(noted.split()[1])


def test_readers_that_do_not_become_healthy_get_the_old_value_back(shop: Shop) -> None:
    secret_shop(shop)
    before = (shop.directory / "app.env").read_bytes()
    describe(shop, broken={"web": "health"}, within=1)

    report = rotated(shop)

    assert report["status"] == "rolled_back"
    assert "did not become healthy" in report["error"]
    assert (shop.directory / "app.env").read_bytes() == before
    assert in_use(shop) == {OLD}
    describe(shop)
    assert rotated(shop)["success"]
    assert in_use(shop) == {in_file(shop)}


def test_an_authority_that_is_told_by_programs(shop: Shop) -> None:
    """A file plays the database: it has the values that are accepted."""
    accepted = shop.directory / "accepted"
    accepted.write_text(f"{OLD}\n")
    for name, text in {
        "allow": 'grep -qx "$DEAN_SECRET_NEW" accepted || echo "$DEAN_SECRET_NEW" >> accepted',
        "refuse": 'grep -vx "$DEAN_SECRET" accepted > kept; mv kept accepted; echo "$DEAN_SECRET"',
        "check": 'grep -qx "$DEAN_SECRET" accepted',
    }.items():
        (shop.directory / f"{name}.sh").write_text(f"#!/bin/sh\n{text}\n")
        (shop.directory / f"{name}.sh").chmod(0o755)
    secret_shop(shop, "{allow: [./allow.sh], refuse: [./refuse.sh], check: [./check.sh], overlap: 0}")

    report = rotated(shop)

    assert (report["success"], report["old_refused"]) == (True, True)
    assert accepted.read_text() == f"{in_file(shop)}\n"
    assert in_use(shop) == {in_file(shop)}
    for value in (OLD, in_file(shop)):
        assert not any(value in line for line in shop.lines)


def killed_then_ended(shop: Shop, point: str) -> None:
    before = in_file(shop)
    words = [sys.executable, "-m", "tests.deployments.rotating", str(shop.folder), new_deployment_id(), point]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -9, f"not killed at {point}: {done.stdout}{done.stderr}"
    assert in_use(shop) <= {before, in_file(shop)}, point

    report = rotated(shop)

    assert report["success"], (point, report)
    assert in_use(shop) == {in_file(shop)}, point
    assert in_file(shop) != before
    assert not list((shop.settings.data_dir / "rotations").glob("*")), point


def test_killed_between_the_file_and_its_readers_the_next_call_ends_it(shop: Shop) -> None:
    secret_shop(shop)
    killed_then_ended(shop, ":switch:after")


@pytest.mark.slow
def test_killed_at_every_step_the_next_call_ends_it(shop: Shop) -> None:
    secret_shop(shop)
    for point in POINTS:
        killed_then_ended(shop, point)


@pytest.fixture
def airflow(airflow_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], shop: Shop):
    """Runs `airflow <words>` in this process, with the shop's data and store; (exit code, output)."""
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(shop.settings.data_dir))

    def run(*words: str) -> tuple[int, str]:
        from airflow.cli.cli_parser import get_parser

        arguments = get_parser().parse_args(words)
        code = 0
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.mark.airflow
def test_the_dag(airflow: Callable[..., tuple[int, str]], shop: Shop) -> None:
    secret_shop(shop)
    conf = json.dumps({"deployment": str(shop.directory), "secret": NAME})

    code, said = airflow("dags", "test", "dean_secret_rotation", "-c", conf)

    assert code == 0, said
    assert in_use(shop) == {in_file(shop)}
    assert in_file(shop) != OLD
    with sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db")) as connection:
        in_airflow = "\n".join(connection.iterdump())  # XCom is one of its tables
    assert "old_refused" in in_airflow
    for value in (OLD, in_file(shop)):
        assert value not in said
        assert value not in in_airflow


@pytest.mark.airflow
def test_the_dag_fails_where_the_old_value_had_to_be_restored(
    airflow: Callable[..., tuple[int, str]], shop: Shop
) -> None:
    secret_shop(shop, "{allow: ['true'], check: ['false'], overlap: 0}")
    (shop.directory / "refuse.sh").write_text("")
    conf = json.dumps({"deployment": str(shop.directory), "secret": "UNKNOWN"})
    code, said = airflow("dags", "test", "dean_secret_rotation", "-c", conf)

    assert code == 1
    assert f"`secrets` of dean-deployment.yaml does not name UNKNOWN; it names {NAME}." in said
    assert in_use(shop) == {OLD}


@pytest.mark.airflow
def test_the_command(airflow: Callable[..., tuple[int, str]], shop: Shop) -> None:
    secret_shop(shop, "{allow: ['true'], refuse: ['true']}")
    rotate_it = ("dean", "deployment", "rotate", str(shop.directory), NAME)

    code, said = airflow(*rotate_it)
    assert code == 0, said
    assert f"{NAME}: the old value is accepted until " in said
    assert in_use(shop) == {in_file(shop)} != {OLD}

    code, said = airflow(*rotate_it, "--abandon")
    assert code == 0, said
    assert "The old value is in use again." in said
    assert in_use(shop) == {OLD}

    code, said = airflow(*rotate_it, "--overlap-hours", "0", "--json")
    assert code == 0, said
    assert '"status": "succeeded"' in said
    assert in_use(shop) == {in_file(shop)} != {OLD}


@pytest.mark.slow
@pytest.mark.airflow
def test_a_variable_of_airflow(airflow: Callable[..., tuple[int, str]], shop: Shop) -> None:
    """It lives in Airflow alone: the command refuses it, the DAG rotates it."""
    shop.extra = "secrets: {broker: {kind: airflow_variable, variable: broker_password}}\n"
    shop.describe("1")
    assert airflow("variables", "set", "broker_password", OLD)[0] == 0
    try:
        code, said = airflow("dean", "deployment", "rotate", str(shop.directory), "broker")
        assert code == 1
        assert "broker lives in Airflow; rotate it by dean_secret_rotation." in said

        conf = json.dumps({"deployment": str(shop.directory), "secret": "broker"})
        code, said = airflow("dags", "test", "dean_secret_rotation", "-c", conf)

        assert code == 0, said
        _, value = airflow("variables", "get", "broker_password")
        new = value.strip().splitlines()[-1]
        assert len(new) == 48 and new != OLD
        assert OLD not in said and new not in said
    finally:
        airflow("variables", "delete", "broker_password")
