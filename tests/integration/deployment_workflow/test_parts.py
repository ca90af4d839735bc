"""What a deployment is given besides its services, at work in a real one: hooks, templates, secrets, the canary."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import psutil
import pytest

from dean_airflow.errors import DeploymentError

from ...deployments.shop import Shop
from ...unit.deployment.parts.test_redaction import ENCODINGS

CANARY = "zK8wq!canary/Jd72mLpQ=#ü-vB5nR1xYt0Eo"
COMPARED = "canary: {path: /slow, samples: 20, requests: 3, metrics: {latency: {tolerance: 1.0}}}\n"


def test_hooks_run_around_the_rollout(shop: Shop):
    hook = shop.directory / "note.sh"
    hook.write_text('#!/bin/sh\necho "$DEAN_HOOK $DEAN_ENVIRONMENT $1" >> notes\n')
    hook.chmod(0o755)
    shop.extra = "hooks: {pre_deploy: [./note.sh, before], post_deploy: [./note.sh, after]}\n"
    shop.describe("1")

    assert shop.deploy()["success"]

    assert (shop.directory / "notes").read_text() == "pre_deploy local before\npost_deploy local after\n"


def test_a_hook_that_fails_before_leaves_everything_as_it_was(shop: Shop):
    shop.describe("1")
    assert shop.deploy()["success"]
    before = shop.state()
    shop.extra = "hooks: {pre_deploy: ['false']}\n"
    shop.describe("2")

    report = shop.deploy()

    assert (report["success"], report["status"]) == (False, "rolled_back")
    assert "pre_deploy ended with code 1" in json.dumps(report)
    assert shop.state() == before


def test_a_secret_reaches_the_service_and_nothing_else(shop: Shop, tmp_path: Path):
    """In its environment and in a file made of a template; in no report, log, row, command line, in no encoding."""
    secrets = shop.directory / "secrets" / "app.env"
    secrets.parent.mkdir()
    secrets.write_text(f"SHOP_PASSWORD='{CANARY}'\n")
    secrets.chmod(0o600)
    (shop.directory / "app" / "conf.ini.j2").write_text("[shop]\nname = {{ name }}\nkey = {{ SHOP_PASSWORD }}\n")
    shop.extra = (
        "secrets_file: secrets/app.env\ntemplates: [app/conf.ini.j2]\ntemplate_vars: {name: corner}\n"
        "hooks: {post_deploy: {command: [sh, -c, 'echo $SHOP_PASSWORD'], variables: [SHOP_PASSWORD]}}\n"
    )
    shop.describe("1", environment={"SECRET": "${SHOP_PASSWORD}"})

    report = shop.deploy()

    assert report["success"]
    served = [json.loads(path.read_text()) for path in shop.site.releases.rglob("environment.json")]
    assert [each["SECRET"] for each in served] == [CANARY, CANARY]
    (rendered, _) = shop.site.releases.rglob("conf.ini")
    assert rendered.read_text() == f"[shop]\nname = corner\nkey = {CANARY}\n"
    assert rendered.stat().st_mode & 0o077 == 0
    assert not list(shop.site.releases.rglob("*.j2"))
    database = next(shop.settings.data_dir.glob("*.db"))
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    commands = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    logs = [path.read_text() for path in shop.site.logs.rglob("*") if path.is_file()]
    public = [path.read_text() for path in shop.site.releases.rglob("run.json")]
    for text in (json.dumps(report), *shop.lines, dump, *commands, *logs, *public):
        for name, encode in ENCODINGS.items():
            assert encode(CANARY).strip("'\"") not in text, name


def test_a_changed_secret_is_another_release(shop: Shop):
    secrets = shop.directory / "app.env"
    secrets.write_text("SHOP_PASSWORD=one-Jd72mLpQvB5nR1xYt0EoKq93uWc8\n")
    secrets.chmod(0o600)
    shop.extra = "secrets_file: app.env\n"
    shop.describe("1", environment={"SECRET": "${SHOP_PASSWORD}"})
    first = shop.deploy()

    secrets.write_text("SHOP_PASSWORD=two-Jd72mLpQvB5nR1xYt0EoKq93uWc8\n")
    second = shop.deploy()
    third = shop.deploy()

    releases = [{each["service"]: each["release"] for each in report["services"]} for report in (first, second, third)]
    assert all(releases[0][name] != releases[1][name] for name in shop.services)
    assert releases[1] == releases[2]


def test_an_undefined_name_in_a_template_is_refused_before_anything_is_done(shop: Shop):
    (shop.directory / "app" / "conf.ini.j2").write_text("\n{{ nowhere }}\n")
    shop.extra = "templates: [app/conf.ini.j2]\n"
    shop.describe("1")

    with pytest.raises(DeploymentError, match=r"app/conf.ini.j2:2: the template names `nowhere`"):
        shop.deploy()

    assert not shop.site.releases.exists()


@pytest.mark.slow
def test_the_canary_lets_an_equal_release_through_and_rolls_a_slower_one_back(shop: Shop):
    shop.extra = COMPARED
    shop.describe("1", environment={"SLOW": "0.02"})
    assert shop.deploy()["success"]

    shop.describe("2", environment={"SLOW": "0.07"})
    slower = shop.deploy()

    assert (slower["success"], slower["status"]) == (False, "rolled_back")
    assert "The canary of data says fail" in json.dumps(slower)
    assert set(shop.answers().values()) == {"1"}

    shop.describe("3", environment={"SLOW": "0.01"})
    assert shop.deploy()["success"]
    assert set(shop.answers().values()) == {"3"}
