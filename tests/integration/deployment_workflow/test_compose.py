"""The backend `compose`, against a command line that is held to docker's documentation; no engine runs here."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import load_settings
from dean_airflow.deployment.backends.compose.compose import ComposeBackend
from dean_airflow.deployment.deployer import Deployer, DeployRequest
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeploymentError

FAKE = Path(__file__).parents[2] / "deployments" / "fake_docker.py"
SECRET = "Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"
LIMITS = """\
    restart: always
    mem_limit: 64m
    logging: {driver: local}
"""
COMPOSE = f"""\
name: corner
services:
  web:
    image: acme/web:@VERSION@
    env_file: [secrets/web.env]
    environment: {{COST: "$$5", BROKEN: "@BROKEN@"}}
    expose: ["8000"]
    volumes: ["data:/data"]
    healthcheck: {{test: [CMD, /probe], start_period: 1s}}
{LIMITS}
  proxy:
    image: nginx:1.27.2
    ports: ["127.0.0.1:8088:80"]
    volumes: ["./nginx.conf:/etc/nginx/conf.d/default.conf:ro"]
    depends_on: [web]
    healthcheck: {{test: [CMD, nginx, -t], start_period: 1s}}
{LIMITS}
volumes:
  data:
"""
NGINX = """\
upstream app { server web:8000; }
server {
  listen 80;
  location / { proxy_pass http://app; }
}
"""


@dataclass
class Place:
    """A deployment of a service behind nginx, and the fake's folder."""

    directory: Path
    docker: Path
    folder: Path

    def describe(self, version: str, broken: str = "", strategy: str = "blue_green", proxy: bool = True) -> None:
        text = COMPOSE.replace("@VERSION@", version).replace("@BROKEN@", broken)
        if not proxy:
            text = re.sub(r"  proxy:.*(?=volumes:\n  data)", "", text, flags=re.DOTALL)
        (self.directory / "compose.yaml").write_text(text)
        (self.directory / "dean-deployment.yaml").write_text(
            f"environment: local\nbackend: compose\nstrategy: {strategy}\nrequired_env: []\n"
            "services:\n  web: {verify: {path: '', times: 1, every: 0.01, within: 0.5}}\n"
            "  proxy: {strategy: recreate, verify: {times: 1, every: 0.01, within: 0.5}}\n"
        )

    def deployer(self) -> Deployer:
        return Deployer(load_settings({"AIRFLOW_HOME": str(self.folder / "home")}), say=lambda line: None)

    def deploy(self, **options: Any) -> dict[str, Any]:
        return self.deployer().deploy(DeployRequest(str(self.directory), probes=False, **options))

    @property
    def backend(self) -> ComposeBackend:
        return ComposeBackend(
            site_of(self.directory, load_settings({"AIRFLOW_HOME": str(self.folder / "home")}).data_dir)
        )

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.docker / "calls.jsonl").read_text().splitlines()]

    def commands(self) -> list[str]:
        """What changed anything, without the options that every call has."""
        shown = [" ".join(call[9:] if call[0] == "compose" and len(call) > 9 else call) for call in self.calls]
        looking = ("ps", "compose version", "network ls", "volume ls", "inspect")
        return [one for one in shown if not one.startswith(looking)]

    def running(self) -> list[str]:
        state = json.loads((self.docker / "state.json").read_text())
        return sorted(one["service"] for one in state["containers"].values() if one["state"] == "running")

    @property
    def conf(self) -> str:
        return (self.directory / "nginx.conf").read_text()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    docker, directory = tmp_path / "docker", tmp_path / "corner"
    docker.mkdir()
    (directory / "secrets").mkdir(parents=True)
    shutil.copy(FAKE, docker / "docker")
    (docker / "docker").chmod(0o755)
    (directory / "nginx.conf").write_text(NGINX)
    (directory / "secrets" / "web.env").write_text(f"DB_PASSWORD={SECRET}\n")
    (directory / "secrets" / "web.env").chmod(0o600)
    monkeypatch.setenv("PATH", f"{docker}:{Path('/usr/bin')}:{Path('/bin')}")
    yield Place(directory, docker, tmp_path)


def release_of(report: dict[str, Any], service: str) -> str:
    return next(each["release"] for each in report["services"] if each["service"] == service)


def test_blue_green_leads_the_proxy_to_the_new_release(place: Place) -> None:
    place.describe("1.0")
    first = place.deploy()
    assert first["success"], json.dumps(first, indent=1)
    assert place.running() == ["proxy", "web"]
    one = release_of(first, "web")
    assert place.conf == NGINX.replace("web:8000", f"web-{one}:8000")
    before = len(place.commands())

    place.describe("1.1")
    second = place.deploy()

    assert second["success"], second
    two = release_of(second, "web")
    assert two != one
    assert place.conf == NGINX.replace("web:8000", f"web-{two}:8000")
    assert place.running() == ["proxy", "web"]
    done = place.commands()[before:]
    up, test, reload, stop = (
        next(number for number, one in enumerate(done) if one.startswith(words) or one.endswith(words))
        for words in ("up --detach --no-deps --no-build web", "nginx -t", "nginx -s reload", "stop")
    )
    assert up < test < reload < stop  # the old one serves until the new one has the traffic
    unchanged = place.deploy()
    assert {each["state"] for each in unchanged["services"]} == {"unchanged"}


def test_recreate_stops_first_and_touches_no_proxy(place: Place) -> None:
    place.describe("1.0", strategy="recreate", proxy=False)
    assert (report := place.deploy())["success"], report
    before = len(place.commands())
    place.describe("1.1", strategy="recreate", proxy=False)

    assert (report := place.deploy())["success"], report

    done = place.commands()[before:]
    assert [one.split()[0] for one in done][:3] == ["stop", "rm", "up"]
    assert place.conf == NGINX


def test_no_secret_is_in_an_argument_and_files_are_their_owners_alone(place: Place) -> None:
    place.describe("1.0")
    assert (report := place.deploy())["success"], report

    assert SECRET not in json.dumps(place.calls)
    for call in place.calls:
        assert "-v" not in call and "--volumes" not in call
    (snapshot,) = place.backend._site.releases.glob("web/*/compose.json")
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o600
    service = json.loads(snapshot.read_text())["services"]["web"]
    assert service["environment"]["DB_PASSWORD"] == SECRET
    assert service["environment"]["COST"] == "$$5"  # compose fills in once more
    assert "env_file" not in service and "ports" not in service
    assert json.loads(snapshot.read_text())["volumes"] == {"data": {"external": True, "name": "corner_data"}}


@pytest.mark.parametrize("broken", ["exit", pytest.param("unhealthy", marks=pytest.mark.slow)])
def test_a_release_that_does_not_become_healthy_leaves_the_old_one_with_its_traffic(place: Place, broken: str) -> None:
    place.describe("1.0")
    assert (report := place.deploy())["success"], report
    before, conf = place.backend.state(), place.conf
    place.describe("1.1", broken=broken)

    report = place.deploy()

    assert (report["success"], report["status"]) == (False, "rolled_back")
    assert place.backend.state() == before
    assert place.conf == conf
    assert place.running() == ["proxy", "web"]


@pytest.mark.slow
def test_a_proxy_that_refuses_its_configuration_keeps_the_one_it_has(place: Place) -> None:
    place.describe("1.0")
    assert (report := place.deploy())["success"], report
    conf = place.conf
    (place.docker / "bad-configuration").touch()
    place.describe("1.1")

    report = place.deploy()

    assert not report["success"]
    assert "host not found in upstream" in json.dumps(report)
    assert place.conf == conf


def test_blue_green_without_a_proxy_is_refused_with_the_reason(place: Place) -> None:
    place.describe("1.0", proxy=False)

    with pytest.raises(DeploymentError, match="web cannot be rolled out blue/green: no reverse proxy"):
        place.deploy()
    assert not [one for one in place.commands() if one.startswith("up")]


def test_without_the_compose_plugin_it_is_refused_with_the_reason(place: Place) -> None:
    place.describe("1.0", strategy="recreate")
    (place.docker / "no-compose").touch()

    with pytest.raises(DeploymentError, match="docker has no compose plugin"):
        place.deploy()


@pytest.mark.slow
def test_volumes_go_only_when_asked_to_in_so_many_words(place: Place) -> None:
    place.describe("1.0")
    assert (report := place.deploy())["success"], report
    place.deployer().down(str(place.directory))
    assert place.running() == []
    assert not [call for call in place.calls if call[:2] == ["volume", "rm"]]

    assert (report := place.deploy())["success"], report
    place.deployer().down(str(place.directory), destructive=True)

    assert [call for call in place.calls if call[:2] == ["volume", "rm"]] == [["volume", "rm", "corner_data"]]


@pytest.mark.skipif(shutil.which("docker") is None, reason="needs the docker command line")
def test_the_real_command_line_says_whether_it_has_compose(tmp_path: Path) -> None:
    from dean_airflow.deployment.backends.compose.cli import Docker

    assert Docker(tmp_path).missing() in ("", "docker has no compose plugin")
