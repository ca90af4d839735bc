"""Requests that fail while a secret is rotated or a release replaced by another, under 50 requests a second.

The signing keys of the real servers are rotated with an overlap of seconds, and clients keep tokens for as long as
they are accepted. Afterwards a token of the old key is tried at both servers. Then the services of a deployment are
rolled out blue/green, several times, and one secret of theirs is rotated, which rolls them once more.
"""

from __future__ import annotations

import json
import tempfile
import urllib.request
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._served import served
from benchmarks.figure import Figure
from dean_airflow.config import Settings
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.rotating import rotating_of
from dean_airflow.deployment.secrets.rotation import Rotating, rotate
from dean_airflow.deployment.secrets.signing_keys import SigningKeysTarget
from dean_airflow.deployment.site import site_of
from dean_airflow.services.server.keyring import read_signing_keys
from dean_airflow.store.ids import new_deployment_id
from dean_airflow.store.store import Store
from tests.deployments.load import Load
from tests.deployments.shop import Shop

RATE = 50.0
OVERLAP = timedelta(seconds=5)
SECRET = "SHOP_PASSWORD"
_OLD = "Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"


def run(minutes: float | None) -> list[Figure]:
    """rotation_failures (keys of servers, blue/green and a secret's readers together), old_secret_refused."""
    rounds = 3 if minutes is None else 1
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        keys = [_rotate_keys(Path(name) / f"keys-{number}") for number in range(rounds)]
        shop = Shop(Path(name) / "shop-place")
        try:
            rollout = _roll_out(shop, rounds)
        finally:
            shop.down()
    failed = sum(len(one["failed"]) for one in (*keys, rollout))
    detail = {
        "requests": sum(one["sent"] for one in (*keys, rollout)),
        "a_second": RATE,
        "during_key_rotations": [{**one, "failed": one["failed"][:5]} for one in keys],
        "during_blue_green": {**rollout, "failed": rollout["failed"][:5]},
    }
    refused = sum(one["old_refused"] for one in keys)
    return [
        Figure("rotation_failures", failed, "failed requests", "lower", 0, detail),
        Figure("old_secret_refused", refused, f"of {rounds} rotations", "higher", rounds, {}),
    ]


def _rotate_keys(folder: Path) -> dict[str, Any]:
    """Both servers on one file of keys."""
    with served("evolution", folder) as evolution, served("indexagent", folder) as indexagent:
        settings = Settings(data_dir=folder)
        addresses = {"evolution": f"{evolution.url}/evolution/trials", "indexagent": f"{indexagent.url}/agents"}
        read = partial(read_signing_keys, settings.signing_keys_file)
        target = SigningKeysTarget(settings.signing_keys_file, addresses)
        old = target.read()
        audiences = {url: audience for audience, url in addresses.items()}
        with Store.open(settings.store) as store:
            means = Means(settings, store, _nothing)
            rotating = Rotating(target, site_of(folder, folder), overlap=OVERLAP)
            with Load(list(audiences), RATE, read, audiences) as load:
                report = rotate(rotating, means, new_deployment_id())
                while report["status"] == "waiting":
                    load.wait_for(50)
                    report = rotate(rotating, means, new_deployment_id())
                load.wait_for(50)
        if not report["success"]:
            raise AssertionError(report["error"])
        refused = target.acceptance(old) == "refused" and report["old_refused"] is True
    found = load.answers
    return {"sent": found.sent, "failed": found.failed, "renewed": found.renewed, "old_refused": int(refused)}


def _roll_out(shop: Shop, rounds: int) -> dict[str, Any]:
    secrets = shop.directory / "app.env"
    secrets.write_text(f"{SECRET}={_OLD}\n")
    secrets.chmod(0o600)
    shop.extra = f"secrets_file: app.env\nsecrets: {{{SECRET}: {{}}}}\n"
    environment = {"SECRET": f"${{{SECRET}}}"}
    shop.describe("first", environment=environment)
    _succeeded(shop.deploy())
    with Load([f"http://127.0.0.1:{port}/" for port in shop.ports.values()], RATE) as load:
        for number in range(rounds):
            shop.describe(f"release-{number}", environment=environment)
            _succeeded(shop.deploy())
        with shop.store() as store:
            means = Means(shop.settings, store, _nothing)
            _succeeded(rotate(rotating_of(str(shop.directory), SECRET, means), means, new_deployment_id()))
        load.wait_for(50)
    for port in shop.ports.values():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/secret") as answer:
            if json.load(answer)["secret"] == _OLD:
                raise AssertionError("A service still has the old secret.")
    return {"sent": load.answers.sent, "failed": load.answers.failed, "rollouts": rounds + 1}


def _succeeded(report: dict[str, Any]) -> None:
    if not report["success"]:
        raise AssertionError(report.get("error") or report["message"])


def _nothing(line: str) -> None:
    pass
