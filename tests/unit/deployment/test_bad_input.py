"""Directories that hold what no deployment should: each gets its sentence, within bounds, and no check breaks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.deployment.description import tree
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.errors import DeploymentError

from .conftest import COMPLETE, Validate

MEGABYTE = 1024 * 1024
SERVICE = f"services:\n  app:\n    image: nginx:1.27.2\n{COMPLETE}"
Make = Callable[[Path], None]


def compose(text: str) -> Make:
    return lambda root: root.joinpath("compose.yaml").write_text(text) and None


def sparse(root: Path) -> None:
    compose(SERVICE + "    env_file: big.env\n")(root)
    with (root / "big.env").open("wb") as opened:
        opened.write(b"A=1\n")
        opened.truncate(200 * MEGABYTE)


def pipe(root: Path) -> None:
    compose(SERVICE + "    env_file: pipe.env\n")(root)
    os.mkfifo(root / "pipe.env")


def listening(root: Path) -> None:
    compose(SERVICE + "    env_file: s.env\n")(root)
    with socket.socket(socket.AF_UNIX) as opened:
        here = Path.cwd()
        os.chdir(root)  # a socket's name is short
        try:
            opened.bind("s.env")
        finally:
            os.chdir(here)


def device(root: Path) -> None:
    compose(SERVICE + "    volumes: ['./endless.sql:/x.sql:ro']\n")(root)
    (root / "endless.sql").symlink_to("/dev/zero")


def circle(root: Path) -> None:
    (root / "compose.yaml").symlink_to("compose.yml")
    (root / "compose.yml").symlink_to("compose.yaml")


def doubling(root: Path) -> None:
    compose(SERVICE + "    environment: {X: '${V40}'}\n")(root)
    lines = [f"V{n}=${{V{n - 1}}}${{V{n - 1}}}\n" for n in range(1, 41)]
    (root / ".env").write_text("V0=aaaaaaaaaa\n" + "".join(lines))
    (root / ".env").chmod(0o600)


def braces(root: Path) -> None:
    compose(SERVICE + "    volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro']\n")(root)
    (root / "nginx.conf").write_text("server {\n" * 5000)


def long_names(root: Path) -> None:
    compose(f"include: [{'i' * 5000}.yaml]\n{SERVICE}    volumes: ['./{'v' * 300}:/x']\n")(root)


def zeros(root: Path) -> None:
    compose(SERVICE + '    volumes: ["./v\\0:/x"]\n    env_file: "e\\0.env"\nsecrets: {s: {file: "f\\0"}}\n')(root)


_WHOLE = (
    "image: x:1, restart: always, mem_limit: 64m, logging: {driver: local}, "
    "healthcheck: {test: [CMD, /probe], start_period: 1s}"
)
CASES: dict[str, tuple[Make, set[str]]] = {
    "empty": (compose(""), {"M44"}),
    "half written": (compose('services:\n  app:\n    image: nginx:1.27.2\n    ports:\n      - "80'), {"M04"}),
    "binary": (lambda root: (root / "compose.yaml").write_bytes(bytes(range(256)) * 40) and None, {"M02"}),
    "an env file of 200 MB": (sparse, {"M10"}),
    "a pipe": (pipe, {"M10"}),
    "a socket": (listening, {"M10"}),
    "a device": (device, {"M08"}),
    "links in a circle": (circle, {"M08"}),
    "variables that double": (doubling, {"M44"}),
    "aliases that multiply": (
        compose("".join(f"x-{n}: &a{n} [{f'*a{n - 1}, ' * 10 if n else 'x'}]\n" for n in range(12)) + SERVICE),
        {"M04"},
    ),
    "blocks without end": (braces, set()),
    "names longer than names can be": (long_names, {"M08", "M49"}),
    "names with NUL": (zeros, {"M08", "M10", "M49"}),
    "extends in a circle": (
        compose(f"services:\n  a: {{extends: b, {_WHOLE}}}\n  b: {{extends: {{service: a}}, {_WHOLE}}}\n"),
        {"M44"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_gets_its_sentence(validate: Validate, tmp_path: Path, name: str) -> None:
    make, ids = CASES[name]
    make(tmp_path)

    result = validate(tmp_path)

    assert {finding.id for finding in result.findings} == ids, [f"{f.id} {f.what}" for f in result.findings]
    assert [each.message for each in result.not_checked if "probes" not in each.message] == []
    for finding in result.findings:
        assert finding.what.isprintable() and len(finding.what) <= 520
        json.dumps(finding.as_json()).encode("utf-8")


def test_names_that_are_no_utf8_are_shown_in_one_line(validate: Validate, tmp_path: Path) -> None:
    compose(SERVICE)(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.sh")).write_text("#!/bin/sh\n")

    (finding,) = validate(tmp_path).findings

    assert finding.id == "M07"
    assert finding.place.file == "caf\ufffd\ufffd.sh"


CLOSED = """
import json, sys
from pathlib import Path
from dean_airflow.deployment.checks.registry import shipped_checks
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.errors import DeploymentError

root = Path(sys.argv[1])
checks = [check for check in shipped_checks() if check.name != "dag_imports"]
validator = DeploymentValidator(root, with_probes=False, checks=checks, shell={})
result = validator.validate()
root.chmod(0)
try:
    validator.validate()
    refused = ""
except DeploymentError as error:
    refused = str(error)
finally:
    root.chmod(0o700)
closed = [f.place.file for f in result.findings if f.id == "M08"]
print(json.dumps([refused, [n.message for n in result.not_checked], closed]))
"""


def test_directories_that_are_closed_to_us(tmp_path: Path) -> None:
    compose(SERVICE + "    volumes: ['./data:/data']\n")(tmp_path)
    for name in ("data", "other"):
        (tmp_path / name).mkdir(mode=0)
    powerless = []
    if os.geteuid() == 0:  # may read everything, unless it gives its capabilities away
        if shutil.which("setpriv") is None:
            pytest.skip("root needs setpriv to be refused anything")
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    try:
        told = subprocess.run(
            [*powerless, sys.executable, "-c", CLOSED, str(tmp_path)], check=True, capture_output=True, text=True
        )
    finally:
        for folder in (tmp_path, tmp_path / "data", tmp_path / "other"):
            folder.chmod(0o700)

    refused, not_checked, closed = json.loads(told.stdout)
    assert "cannot be read" in refused
    assert [message for message in not_checked if "probes" not in message] == []
    assert closed == ["other"]


def test_a_directory_is_read_once_however_many_files(validate: Validate, tmp_path: Path) -> None:
    compose(SERVICE)(tmp_path)
    for number in range(3000):
        folder = tmp_path / f"d{number % 50}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.yaml").write_text("a: 1\n")

    assert validate(tmp_path).findings == ()


def test_more_than_a_deployment_can_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_TOTAL_BYTES", MEGABYTE)
    compose(SERVICE)(tmp_path)
    (tmp_path / "dump.bin").write_bytes(b"\0" * 3 * MEGABYTE)  # binary and large: not read
    assert len(DeploymentValidator(tmp_path, with_probes=False, shell={}).read().tree.sources) == 1
    for number in range(3):
        (tmp_path / f"{number}.json").write_text("[" + "1, " * 200_000 + "1]")

    with pytest.raises(DeploymentError, match="more than 1 MB"):
        DeploymentValidator(tmp_path, with_probes=False, shell={}).validate()
