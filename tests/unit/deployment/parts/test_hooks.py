"""Hooks run as they are written, one after the other, with a deadline, and what they print shows no secret."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.hooks.runner import run_all, run_hook
from dean_airflow.errors import DeploymentError

from ..conftest import Validate

Make = Callable[[dict[str, str]], Path]
CANARY = "zK8wq-canary-Jd72mLpQ"


def run(root: Path, name: str = "pre_deploy", **facts: str) -> bool:
    return asyncio.run(run_hook(name, read_deployment(root), facts))


def with_hooks(make: Make, hooks: str, **scripts: str) -> Path:
    files = {f"{name}.sh": f"#!/bin/sh\n{text}\n" for name, text in scripts.items()}
    root = make(
        {
            "dean-deployment.yaml": f"backend: process\nsecrets_file: secrets/app.env\nhooks:\n{hooks}",
            "secrets/app.env": f"DB_PASSWORD={CANARY}\n",
            ".env": "LEVEL=debug\n",
            **files,
        }
    )
    for name in files:
        (root / name).chmod(0o755)
    return root


def test_they_run_in_order_in_the_deployments_directory(deployment: Make):
    root = with_hooks(
        deployment,
        "  pre_deploy: [[./one.sh, a b], {command: [./two.sh], variables: [LEVEL]}]\n  post_deploy: [./three.sh]\n",
        one='echo "one $1 $DEAN_SERVICE $DEAN_HOOK ${LEVEL:-none}" >> log',
        two='echo "two $LEVEL" >> log',
        three="echo three >> log",
    )

    assert run(root, service="api") is True
    assert run(root, "post_deploy") is True
    assert run(root, "backup") is False
    assert (root / "log").read_text() == "one a b api pre_deploy none\ntwo debug\nthree\n"


def test_a_code_other_than_0_aborts_and_the_rest_does_not_run(deployment: Make):
    root = with_hooks(
        deployment, "  pre_deploy: [[./one.sh], [./two.sh]]\n", one="echo no room left; exit 3", two="touch ran"
    )

    with pytest.raises(DeploymentError, match=r"dean-deployment.yaml:4: .* ended with code 3: no room left"):
        run(root)

    assert not (root / "ran").exists()


def test_no_shell_reads_the_arguments(deployment: Make):
    root = with_hooks(
        deployment,
        "  pre_deploy: [./one.sh, '$(touch shell)', '; touch shell', '`touch shell`']\n",
        one='echo "$@" > out',
    )

    run(root)

    assert (root / "out").read_text() == "$(touch shell) ; touch shell `touch shell`\n"
    assert not (root / "shell").exists()


def test_secrets_reach_only_who_asks_and_no_output(deployment: Make, caplog: pytest.LogCaptureFixture):
    root = with_hooks(
        deployment,
        "  pre_deploy: [[./one.sh], {command: [./two.sh], variables: [DB_PASSWORD]}]\n",
        one='test -z "$DB_PASSWORD"',
        two='echo "it is $DB_PASSWORD"; printf %s "$DB_PASSWORD" | base64; tr "\\0" " " < /proc/$$/cmdline; exit 1',
    )
    with caplog.at_level(logging.INFO), pytest.raises(DeploymentError) as raised:
        run(root)

    assert "it is ***" in str(raised.value)
    for text in (str(raised.value), caplog.text):
        assert CANARY not in text
        assert "eks4d3EtY2Fu" not in text


def test_what_does_not_end_is_ended_with_everything_it_started(deployment: Make):
    root = with_hooks(
        deployment,
        "  pre_deploy: {command: [./one.sh], timeout: 0.5}\n",
        one="sleep 600 &\necho $! > child\nsleep 600",
    )

    with pytest.raises(DeploymentError, match=r"did not end within 0\.5 s"):
        run(root)

    child = int((root / "child").read_text())
    until = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        os.sched_yield()


def test_what_is_left_in_the_background_does_not_hold_it_up(deployment: Make):
    root = with_hooks(
        deployment, "  pre_deploy: {command: [./one.sh], timeout: 30}\n", one="sleep 600 &\necho $! > child; echo done"
    )

    assert run(root) is True


def test_endless_output_is_bounded(deployment: Make):
    root = with_hooks(
        deployment,
        "  pre_deploy: {command: [./one.sh], timeout: 60}\n",
        one="yes | head -c 3000000; echo the end; exit 1",
    )

    with pytest.raises(DeploymentError, match="the end") as raised:
        run(root)

    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        ("[./missing.sh]", "cannot be started: ./missing.sh: No such file or directory"),
        ("[./plain.txt]", "cannot be started: ./plain.txt: Permission denied"),
        ("[../outside.sh]", "lies outside"),
        ("[./link.sh]", "lies outside"),
        ("{command: [./one.sh], variables: [NOWHERE]}", "wants NOWHERE, which is not set"),
    ],
)
def test_what_cannot_be_run(deployment: Make, tmp_path: Path, hook: str, sentence: str):
    root = with_hooks(deployment, f"  pre_deploy: {hook}\n", one="exit 0")
    (root / "plain.txt").write_text("x")
    (tmp_path / "outside.sh").write_text("#!/bin/sh\n")
    (root / "link.sh").symlink_to(tmp_path / "outside.sh")

    with pytest.raises(DeploymentError, match=sentence):
        run(root)


@pytest.mark.parametrize(
    ("hooks", "sentence"),
    [
        ("  pre_deploy: ./one.sh --fast\n", "must be a list: the program, then each of its arguments"),
        ("  pre_deploy: []\n", "must be a list of texts that begins with a program"),
        ("  pre_deploy: {timeout: 3}\n", "has no `command`"),
        ("  pre_deploy: {command: [x], timeout: soon}\n", "must have a number of seconds"),
        ("  pre_deploy: {command: [x], timeout: 0}\n", "above 0 and of at most 3600 s"),
        ("  pre_deploy: {command: [x], shell: true}\n", "has a key `shell` that nothing reads"),
        ("  before: [x]\n", "There is no hook `before`; there are pre_deploy, post_deploy, backup."),
    ],
)
def test_a_mistake_in_the_section(deployment: Make, validate: Validate, hooks: str, sentence: str):
    root = with_hooks(deployment, hooks)
    with pytest.raises(DeploymentError) as raised:
        run(root)

    assert sentence in str(raised.value)
    assert [f.place.line for f in validate(root).findings if f.id == "M44" and sentence in f.what] == [4]


def test_hooks_in_python():
    seen: list[str] = []

    async def agrees(facts) -> bool:
        seen.append(facts["service"])
        return True

    async def says_nothing(facts) -> None:
        seen.append("nothing")

    async def refuses(facts) -> bool:
        return False

    with pytest.raises(DeploymentError, match=r"pre_deploy \(3 of 4\)"):
        asyncio.run(run_all("pre_deploy", [agrees, says_nothing, refuses, agrees], {"service": "api"}))

    assert seen == ["api", "nothing"]


def test_a_cancelled_deployment_ends_its_hook(deployment: Make):
    root = with_hooks(
        deployment, "  pre_deploy: [./one.sh]\n", one="echo $$ > begun.new; mv begun.new begun; sleep 600"
    )

    async def cancel() -> None:
        task = asyncio.create_task(run_hook("pre_deploy", read_deployment(root), {}))
        async with asyncio.timeout(30):
            while not (root / "begun").exists():  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert not psutil.pid_exists(int((root / "begun").read_text()))
