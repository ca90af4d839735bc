from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.plan.release import read_release
from dean_airflow.deployment.plan.services import Wanted, wanted_releases
from dean_airflow.errors import DeploymentError

COMPOSE = """
services:
  web:
    image: web:1
    command: ["serve", "--port", "80"]
    environment: {MODE: live, TOKEN: "${TOKEN}"}
    depends_on: [db]
  db: {image: "postgres:16"}
  debug: {image: "debug:1", profiles: [debug]}
"""
FILE = """
required_env: []
services:
  db: {process: external}
  web:
    contract: "1.2"
    process:
      listen: ${PORT:-8080}
      environment: {MODE: "${MODE_OF_WEB}"}
      files: [app]
      stop_seconds: 7
    verify: {path: /ready, times: 5, every: 1, within: 60}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print(1)\n")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "dean-deployment.yaml").write_text(FILE)
    (tmp_path / ".env").write_text("TOKEN=hush-hush\nMODE_OF_WEB=quiet\n")
    return tmp_path


def wanted(folder: Path, **options: str) -> Wanted:
    return wanted_releases(read_deployment(folder, shell={}), b"key", options)


def rewrite(folder: Path, old: str, new: str, name: str = "dean-deployment.yaml") -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def test_a_compose_file_and_what_it_cannot_say(folder: Path) -> None:
    found = wanted(folder)
    assert found.external == ("db",)
    (web,) = found.releases
    assert web.command == ("serve", "--port", "80")
    assert web.environment == {"MODE": "quiet", "TOKEN": "hush-hush"}
    assert (web.listen, web.stop_seconds, web.directory) == (("127.0.0.1", 8080), 7.0, "")
    assert list(web.files) == ["app/main.py"]
    check = web.check
    assert (check.path, check.times, check.every, check.within, check.contract) == ("/ready", 5, 1.0, 60.0, "1.2")


def test_no_text_form_of_a_release_has_a_value(folder: Path) -> None:
    (web,) = wanted(folder).releases
    assert web.as_json()["variables"] == ["MODE", "TOKEN"]
    for text in (repr(web), str(web), str(web.as_json()), str(wanted(folder))):
        assert "hush-hush" not in text and "quiet" not in text
    again = read_release(web.as_json())
    assert (again.release, again.command, again.listen, again.check) == (
        web.release,
        web.command,
        web.listen,
        web.check,
    )


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("compose.yaml", '"80"', '"81"'),
        ("compose.yaml", "web:1", "web:2"),
        (".env", "hush-hush", "another"),
        ("app/main.py", "1", "2"),
        ("dean-deployment.yaml", "8080", "8081"),
    ],
)
def test_a_release_is_named_by_what_runs(folder: Path, name: str, old: str, new: str) -> None:
    before = wanted(folder).releases[0].release
    assert wanted(folder).releases[0].release == before
    rewrite(folder, old, new, name)
    assert wanted(folder).releases[0].release != before


def test_how_a_release_is_looked_at_is_no_part_of_its_name(folder: Path) -> None:
    before = wanted(folder).releases[0].release
    rewrite(folder, "times: 5", "times: 9")
    assert wanted(folder).releases[0].release == before


def test_a_name_does_not_tell_a_value_without_the_key(folder: Path) -> None:
    deployment = read_deployment(folder, shell={})
    assert (
        wanted_releases(deployment, b"one").releases[0].release
        != wanted_releases(deployment, b"two").releases[0].release
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("${MODE_OF_WEB}", "${NOWHERE}", r"The variable NOWHERE is not set \(dean-deployment.yaml:9\)"),
        ("files: [app]", "files: [nothing]", r"`files` names nothing, which is not in the deployment"),
        ("files: [app]", "files: [../..]", r"`files` names ../.., which is not in the deployment"),
        ("files: [app]", "fils: [app]", r"`process` has a key `fils` that nothing reads"),
        ("stop_seconds: 7", "stop_seconds: soon", r"'soon' is no number"),
        ("stop_seconds: 7", "stop_seconds: .nan", r"is no number"),
        ("${PORT:-8080}", "port", r"`listen` must be a port or host:port \(dean-deployment.yaml:8\)"),
        ("${PORT:-8080}", "70000", r"`listen` must be a port"),
        ("verify: {path: /ready", "verify: {road: /ready", r"`verify` has a key `road`"),
        ("services:\n", "order: [web, cache]\nservices:\n", r"`order` names cache, which is no service"),
        ('contract: "1.2"', "requires: [cache]", r"web requires cache, which is no service"),
        ('contract: "1.2"', "strategy: sideways", r"`strategy` must be one of recreate, blue_green"),
        (
            "  web:\n    contract",
            '  "a;rm -rf ~": {process: {command: x}}\n  web:\n    contract',
            r"A service is called 'a;rm",
        ),
        (
            "  web:\n    contract",
            "  other: {process: {command: x, listen: 8080}}\n  web:\n    contract",
            r"both listen on 127.0.0.1:8080",
        ),
    ],
)
def test_what_cannot_be_deployed_is_one_sentence(folder: Path, old: str, new: str, says: str) -> None:
    rewrite(folder, old, new)
    with pytest.raises(DeploymentError, match=says):
        wanted(folder)


def test_given_variables_may_be_named(folder: Path) -> None:
    rewrite(folder, "${MODE_OF_WEB}", "${GIVEN}")
    assert wanted(folder, GIVEN="so").releases[0].environment["MODE"] == "so"
    rewrite(folder, "verify: {path: /ready, times: 5, every: 1, within: 60}", "verify: running")
    assert wanted(folder, GIVEN="so").releases[0].check.path == ""
