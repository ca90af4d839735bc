"""Secrets are rotated while a deployment is under way and requests come in; and no value of theirs is left anywhere."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.rotating import rotating_of
from dean_airflow.deployment.secrets.rotation import Rotating, rotate
from dean_airflow.deployment.secrets.signing_keys import SigningKeysTarget
from dean_airflow.deployment.site import site_of
from dean_airflow.services.server.keyring import read_signing_keys
from dean_airflow.store.ids import new_deployment_id

from ..deployments.load import Load
from ..deployments.shop import Shop
from ..resilience.servers.servers import EvolutionServer
from ..unit.deployment.parts.test_redaction import ENCODINGS

NAME = "SHOP_PASSWORD"
OLD = "c4nary/Jd72mLpQ+vB5nR1xYt0Eo=Kq93uWc8-zK8wq"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.down()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EvolutionServer]:
    server = EvolutionServer(tmp_path / "server")
    server.start()
    yield server
    server.close()


def test_signing_keys_rotated_during_a_deployment_fail_no_request(shop: Shop, server: EvolutionServer):
    """Neither of the server whose keys they are nor of the services that are being replaced; nothing is restarted."""
    shop.describe("1")
    assert shop.deploy()["success"]
    shop.describe("2")
    url = f"{server.url}/evolution/trials"
    path = server.settings.signing_keys_file
    target = SigningKeysTarget(path, {"evolution": url}, production=False)
    old, process = target.read(), server.process
    means = Means(server.settings, server.store, shop.lines.append)
    rotating = Rotating(target, site_of(path.parent, path.parent), overlap=timedelta(seconds=2))
    deployed: list[dict[str, Any]] = []
    deploying = threading.Thread(target=lambda: deployed.append(shop.deploy()))
    read = partial(read_signing_keys, path, production=False)
    others = [f"http://127.0.0.1:{port}/" for port in shop.ports.values()]
    with Load([url], 25, read, {url: "evolution"}) as load, Load(others, 25) as beside:
        deploying.start()
        report = rotate(rotating, means, new_deployment_id())
        deploying.join()
        while report["status"] == "waiting":
            load.wait_for(10)
            report = rotate(rotating, means, new_deployment_id())
        load.wait_for(25)

    assert (report["success"], report["old_refused"]) == (True, True), report
    assert deployed[0]["success"]
    assert load.answers.failed == beside.answers.failed == []
    assert target.acceptance(old) == "refused"
    assert target.acceptance(target.read()) == "accepted"
    assert server.process is process and process is not None and process.poll() is None


def test_no_value_is_left_in_any_encoding(shop: Shop, caplog: pytest.LogCaptureFixture):
    """Of the old and the new value: in logs, reports, the store, command lines, and what supervises the services."""
    secrets = shop.directory / "app.env"
    secrets.write_text(f"{NAME}='{OLD}'\n")
    secrets.chmod(0o600)
    shop.extra = f"secrets_file: app.env\nsecrets: {{{NAME}: {{}}}}\n"
    shop.describe("1", environment={"SECRET": f"${{{NAME}}}"})
    assert shop.deploy()["success"]
    commands: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            commands.update(" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with shop.store() as store:
            means = Means(shop.settings, store, shop.lines.append)
            report = rotate(rotating_of(str(shop.directory), NAME, means), means, new_deployment_id())
    finally:
        ended.set()
        looking.join()
    assert report["success"], report
    new = secrets.read_text().partition("'")[2].rpartition("'")[0]
    assert new not in ("", OLD)

    places = [json.dumps(report), caplog.text, *shop.lines, *commands]
    with sqlite3.connect(next(shop.settings.data_dir.glob("*.db"))) as connection:
        places += connection.iterdump()
    # A release's environment and a backup's copy of the secrets file are there to be used again, by their owner alone.
    private = [*shop.settings.data_dir.rglob("environment.json"), *shop.settings.data_dir.rglob("app.env")]
    kept = [path for path in shop.settings.data_dir.rglob("*") if path.is_file() and path not in private]
    places += [path.read_bytes().decode(errors="replace") for path in kept]
    assert any("service.py" in command for command in commands)
    for value in (OLD, new):
        for encoding, encode in ENCODINGS.items():
            form = encode(value).strip("'\"")
            assert not [place for place in places if form in place], encoding
    assert private
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)
