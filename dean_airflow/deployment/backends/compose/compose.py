"""The backend `compose`: releases as projects of Docker Compose, traffic by a reverse proxy that is there already.

A release is a folder `releases/<service>/<release>` with `run.json` and `compose.json` (0600, since it holds the
environment). Without a proxy before a service its releases publish the same ports, so one is stopped before another
starts; blue/green needs a proxy. Volumes belong to the project: no release's end removes one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dean_airflow.deployment.backends.backend import RunStatus
from dean_airflow.deployment.backends.compose.cli import BUILD_SECONDS, Docker, read_containers
from dean_airflow.deployment.backends.compose.snapshot import FILE, LABEL, is_mounted, project_name, proxy_of, snapshot
from dean_airflow.deployment.backends.compose.upstream import RELOAD, lead_to, reload, write_in_place
from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.plan.release import ServiceRelease, named_by_content, read_release
from dean_airflow.deployment.secrets.held_value import replace_file
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError

_STATES = {"running": "running", "created": "starting", "restarting": "starting", "exited": "stopped", "dead": "failed"}


class ComposeBackend:
    """Runs the services of one site; see Backend. `docker` is asked when something is done, not when this is made."""

    name = "compose"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._docker = Docker(site.directory)

    def described(self, deployment: Deployment, release: ServiceRelease, key: bytes) -> ServiceRelease:
        """The release with its compose file, named by that as well. Raises DeploymentError."""
        service = deployment.services.get(release.service)
        if service is None or release.texts.get(FILE):
            return release
        given = {each.name: each.value for each in service.environment.values()}  # what is for processes is left out
        text = snapshot(deployment, service, given, self._site)
        release = replace(release, environment=given)
        return named_by_content(replace(release, texts={**release.texts, FILE: text}), key)

    def refusal(self, release: ServiceRelease, strategy: str) -> str:
        service = release.service
        if FILE not in release.texts:
            return f"{service} is no service of the compose file, so compose cannot run it."
        if missing := self._docker.missing():
            return f"{service} cannot be run by compose here: {missing}."
        if strategy == "blue_green":
            proxy = proxy_of(self._deployment(), service)
            if proxy is None:
                return (
                    f"{service} cannot be rolled out blue/green: no reverse proxy of this deployment leads to it, so "
                    "its releases could not be told apart; use recreate, or put nginx, caddy, haproxy, apache or "
                    "traefik before it."
                )
            if not is_mounted(proxy):
                return (
                    f"{service} cannot be rolled out blue/green: {proxy.source.name} is copied into the proxy's "
                    "image, so that the running proxy does not see it change; mount it."
                )
            if proxy.kind not in RELOAD:
                return f"{service} cannot be rolled out blue/green: how {proxy.kind} is told of it is not known here."
        return ""

    def prepare(self, release: ServiceRelease) -> None:
        folder = self._folder(release.service, release.release)
        if not (folder / "run.json").exists():
            self._put(folder, release)
        document = json.loads((folder / FILE).read_text())
        for kind in ("network", "volume"):
            for one in document.get(f"{kind}s", {}).values():
                self._ensure(kind, one["name"])
        if "build" in document["services"][release.service]:
            self._compose(release.service, release.release, "build", release.service, seconds=BUILD_SECONDS)

    def start(self, service: str, release: str) -> None:
        self._compose(service, release, "up", "--detach", "--no-deps", "--no-build", service)
        self._remember({**self._traffic(), service: self._traffic().get(service, release)})

    def status(self, service: str, release: str) -> RunStatus:
        if self.prepared(service, release) is None:
            return RunStatus("stopped", "it is not on this machine")
        found = read_containers(self._compose(service, release, "ps", "--all", "--format", "json"))
        if not found:
            return RunStatus("stopped", "it has no container")
        one = found[0]
        state, health = str(one.get("State", "")).lower(), str(one.get("Health", "")).lower()
        if state == "exited" and one.get("ExitCode"):
            return RunStatus("failed", f"it ended with code {one['ExitCode']}")
        if state == "running" and health in ("starting", "unhealthy"):
            return RunStatus("starting", f"its health check says {health}")
        word = _STATES.get(state, "stopped")
        return RunStatus(word, "" if word == "running" else str(one.get("Status") or state))  # type: ignore[arg-type]

    @contextlib.contextmanager
    def reach(self, service: str, release: str) -> Iterator[str]:
        """By the container's own address, which this machine reaches where the engine is its own."""
        yield self._address(service, release)

    def switch(self, service: str, release: str) -> None:
        deployment = self._deployment()
        proxy = proxy_of(deployment, service)
        if proxy is not None and proxy.service is not None:
            lines = {
                upstream.place.line
                for upstream in proxy.upstreams
                if (called := deployment.service_called(upstream.host)) is not None
                and called.name == service
                and upstream.place.line is not None
            }
            container = self._container_of(proxy.service.name)
            before = lead_to(proxy.source.path, lines, service, f"{service}-{release}")
            if container:
                try:
                    reload(self._docker, container, proxy.kind)
                except DeploymentError:
                    write_in_place(proxy.source.path, before)
                    raise
        self._remember({**self._traffic(), service: release})

    def stop(self, service: str, release: str) -> None:
        known = self.prepared(service, release)
        if known is None:
            return
        seconds = str(int(known.stop_seconds))
        self._compose(service, release, "stop", "--timeout", seconds, service, seconds=known.stop_seconds + 60)
        self._compose(service, release, "rm", "--force", service)

    def remove(self, service: str, release: str) -> None:
        folder = self._folder(service, release)
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
        if not folder.parent.exists():
            self._remember({name: one for name, one in self._traffic().items() if name != service})

    def prepared(self, service: str, release: str) -> ServiceRelease | None:
        try:
            return read_release(json.loads((self._folder(service, release) / "run.json").read_text()))
        except (OSError, ValueError, KeyError):
            return None

    def close(self, *, destructive: bool = False) -> None:
        volumes: set[str] = set()
        for service, release in self._here():
            document = json.loads((self._folder(service, release) / FILE).read_text())
            volumes |= {one["name"] for one in document.get("volumes", {}).values()}
            self._compose(service, release, "down")
        shutil.rmtree(self._site.releases, ignore_errors=True)
        self._traffic_file.unlink(missing_ok=True)
        for name in sorted(volumes) if destructive else ():
            self._docker.run("volume", "rm", name)
        if destructive:
            shutil.rmtree(self._site.data, ignore_errors=True)

    def state(self) -> Mapping[str, Any]:
        files = {
            path.relative_to(self._site.releases).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (sorted(self._site.releases.rglob("*")) if self._site.releases.exists() else ())
            if path.is_file()
        }
        running = [f"{s}--{r}" for s, r in self._here() if self.status(s, r).state in ("running", "starting")]
        return {"files": files, "running": running, "traffic": self._traffic()}

    def _put(self, folder: Path, release: ServiceRelease) -> None:
        beside = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        try:
            beside.mkdir(mode=0o700, parents=True)
            text = release.texts[FILE].replace("@RELEASE@", release.release)
            replace_file(beside / FILE, text.encode())
            replace_file(beside / "run.json", json.dumps(release.as_json(), indent=1, sort_keys=True).encode())
            beside.rename(folder)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise DeploymentError(
                f"The release of {release.service} cannot be put into {folder}: {error.strerror}."
            ) from None

    def _ensure(self, kind: str, name: str) -> None:
        """Made where it is missing; it outlives every release."""
        known = self._docker.run(kind, "ls", "--format", "{{.Name}}").split()
        if name not in known:
            self._docker.run(kind, "create", "--label", f"{LABEL}={self._site.id}", name)

    def _compose(self, service: str, release: str, *words: str, seconds: float = 120.0) -> str:
        file = self._folder(service, release) / FILE
        if not file.exists():
            raise DeploymentError(f"The release {release} of {service} is not on this machine.")
        project = json.loads(file.read_text())["name"]
        return self._docker.compose(project, file, *words, seconds=seconds)

    def _address(self, service: str, release: str) -> str:
        port = self._port(service)
        found = read_containers(self._compose(service, release, "ps", "--format", "json"))
        if port is None or not found:
            return ""
        shown = self._docker.run("inspect", "--format", "{{json .NetworkSettings.Networks}}", str(found[0]["ID"]))
        networks = json.loads(shown or "{}") or {}
        address = next((one["IPAddress"] for one in networks.values() if one.get("IPAddress")), "")
        return f"http://{address}:{port}" if address else ""

    def _port(self, service: str) -> int | None:
        """The container's port: of the proxy's upstream, else published, else exposed."""
        deployment = self._deployment()
        described = deployment.services.get(service)
        if described is None:
            return None
        proxy = proxy_of(deployment, service)
        for upstream in proxy.upstreams if proxy is not None else ():
            called = deployment.service_called(upstream.host)
            if called is not None and called.name == service and upstream.port:
                return upstream.port
        published = [number for port in described.ports for number in port.target_numbers]
        return next(iter([*published, *described.exposed]), None)

    def _container_of(self, service: str) -> str:
        """The id of a service's running container, whoever started it; empty where none runs."""
        project = project_name(self._deployment())
        for filters in (
            (f"label={LABEL}={self._site.id}", f"label=dean.service={service}"),
            (f"label=com.docker.compose.project={project}", f"label=com.docker.compose.service={service}"),
        ):
            words = [word for one in filters for word in ("--filter", one)]
            if found := self._docker.run("ps", "--quiet", *words).split():
                return found[0]
        return ""

    def _deployment(self) -> Deployment:
        return read_deployment(self._site.directory)

    def _here(self) -> list[tuple[str, str]]:
        return sorted((path.parent.parent.name, path.parent.name) for path in self._site.releases.glob("*/*/run.json"))

    def _folder(self, service: str, release: str) -> Path:
        return self._site.releases / service / release

    @property
    def _traffic_file(self) -> Path:
        return self._site.folder / "traffic.json"

    def _traffic(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._traffic_file.read_text())
            return found
        except (OSError, ValueError):
            return {}

    def _remember(self, traffic: Mapping[str, str]) -> None:
        replace_file(self._traffic_file, json.dumps(traffic, sort_keys=True).encode())
