"""The backend `process`: releases as programs of a supervisord, traffic by sockets that a holder keeps.

A release is a folder `releases/<service>/<release>`: `run.json` says what is run, `environment.json` (0600) with which
variables, `files/` is its own copy of what it needs. So an old release still starts when the directory has moved on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dean_airflow.deployment.backends.backend import RunStatus
from dean_airflow.deployment.backends.process.held import ask_holder
from dean_airflow.deployment.backends.process.relay import relay
from dean_airflow.deployment.backends.process.supervisord import Supervisord, clean_environment
from dean_airflow.deployment.description.addresses import ALL_V4, LOCALHOST
from dean_airflow.deployment.plan.release import ServiceRelease, read_release
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError

DRAIN_SECONDS = 5.0
"""How long connections that a release had been given before the switch may wait to be accepted by it."""
POLL_SECONDS = 0.05
_STATES = {"RUNNING": "running", "STARTING": "starting", "BACKOFF": "restarting", "FATAL": "failed"}


class ProcessBackend:
    """Runs the services of one site; see Backend."""

    name = "process"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._supervisord = Supervisord(site)

    def refusal(self, release: ServiceRelease, strategy: str) -> str:
        if not release.command:
            return (
                f"{release.service} has no command that could be run as a process; give it one in `services: "
                f"{release.service}: process: command`, or say `process: external` if it runs elsewhere."
            )
        if strategy == "blue_green" and release.listen is None:
            return (
                f"{release.service} cannot be rolled out blue/green: no socket is held for it, so its releases cannot "
                f"stand beside each other; give `services: {release.service}: process: listen`, or use recreate."
            )
        if strategy == "blue_green" and release.listen is not None and ":" in release.listen[0]:
            return f"{release.service} cannot be rolled out blue/green on an IPv6 address; use recreate."
        return ""

    def prepare(self, release: ServiceRelease) -> None:
        folder = self._folder(release.service, release.release)
        if (folder / "run.json").exists():
            return
        for path in (self._site.folder, self._site.releases, folder.parent, self._site.data):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        try:
            beside.mkdir(mode=0o700)
            self._copy(release, beside / "files")
            _write(beside / "environment.json", json.dumps({**clean_environment(), **release.environment}))
            _write(beside / "run.json", json.dumps(release.as_json(), indent=1, sort_keys=True))
            beside.rename(folder)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise DeploymentError(
                f"The release {release.release} of {release.service} cannot be put into {folder}: {error.strerror}."
            ) from None

    def _copy(self, release: ServiceRelease, target: Path) -> None:
        target.mkdir(mode=0o700)
        for name, digest in release.files.items():
            path = target / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if name in release.texts:
                _write(path, release.texts[name])
                continue
            data = release.sources[name].read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise DeploymentError(f"{release.sources[name]} changed while it was being deployed; deploy again.")
            path.write_bytes(data)
            path.chmod(release.sources[name].stat().st_mode & 0o700)

    def start(self, service: str, release: str) -> None:
        known = self._known(service, release)
        self._supervisord.ensure()
        if known.listen is not None:
            host, port = known.listen
            ask_holder(self._door, do="socket", service=service, release=release, host=host, port=port)
        self._supervisord.start(_name(service, release), self._folder(service, release), known.stop_seconds)

    def status(self, service: str, release: str) -> RunStatus:
        info = self._supervisord.info(_name(service, release))
        state = _STATES.get(info.get("statename", ""), "stopped")
        reason = "" if state == "running" else str(info.get("spawnerr") or info.get("description") or "it is not there")
        return RunStatus(state, reason)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def reach(self, service: str, release: str) -> Iterator[str]:
        known = self._known(service, release)
        if known.listen is None:
            yield ""
            return
        host, port = known.listen
        if ":" in host:
            yield f"http://[{host}]:{port}"
            return
        own = LOCALHOST if host in ("", ALL_V4) else host
        if self._traffic().get(service) == release:
            yield f"http://{own}:{port}"
            return
        with relay(own, port) as (through, at):
            yield f"http://{through}:{at}"

    def switch(self, service: str, release: str) -> None:
        if self._known(service, release).listen is not None:
            self._supervisord.ensure()
            ask_holder(self._door, do="switch", service=service, release=release)

    def stop(self, service: str, release: str) -> None:
        known = self.prepared(service, release)
        held = known is not None and known.listen is not None and self._supervisord.alive()
        if held:
            self._drain(service, release)
        self._supervisord.stop(_name(service, release), known.stop_seconds if known is not None else 10.0)
        if held:
            ask_holder(self._door, do="close", service=service, release=release)

    def _drain(self, service: str, release: str) -> None:
        """Connections that were made for this release while it had the traffic are accepted by nobody else."""
        until = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < until:
            found = ask_holder(self._door, do="state")["services"].get(service, {})
            if found.get("current") == release or not found.get("waiting", {}).get(release):
                return
            time.sleep(POLL_SECONDS)

    def remove(self, service: str, release: str) -> None:
        folder = self._folder(service, release)
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder.with_name(f"{folder.name}.new"), ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
        if not folder.parent.exists() and self._supervisord.alive():
            ask_holder(self._door, do="forget", service=service)

    def prepared(self, service: str, release: str) -> ServiceRelease | None:
        try:
            return read_release(json.loads((self._folder(service, release) / "run.json").read_text()))
        except (OSError, ValueError, KeyError):
            return None

    def close(self, *, destructive: bool = False) -> None:
        for program in self._supervisord.programs():
            service, _, release = program.rpartition("--")
            self.stop(service, release)
        self._supervisord.end()
        for name in ("supervisor", "releases"):
            shutil.rmtree(self._site.folder / name, ignore_errors=True)
        if destructive:
            shutil.rmtree(self._site.data, ignore_errors=True)

    def state(self) -> Mapping[str, Any]:
        files = {}
        if self._site.releases.exists():
            for path in sorted(self._site.releases.rglob("*")):
                if path.is_file():
                    name = path.relative_to(self._site.releases).as_posix()
                    files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        programs = self._supervisord.programs()
        up = ("RUNNING", "STARTING")
        running = [name for name in programs if self._supervisord.info(name).get("statename") in up]
        return {"files": files, "programs": programs, "running": running, "traffic": self._traffic()}

    def key(self, *, make: bool) -> bytes:
        """What values of variables are hashed with for a release's name; only known on this machine."""
        path = self._site.key
        try:
            return path.read_bytes()
        except FileNotFoundError:
            key = secrets.token_bytes(32)
            if make:
                self._site.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(path, key)
            return key

    @property
    def _door(self) -> Path:
        return self._supervisord.door

    def _traffic(self) -> dict[str, str]:
        try:
            return dict(json.loads((self._site.folder / "supervisor" / "traffic.json").read_text()))
        except FileNotFoundError:
            return {}

    def _folder(self, service: str, release: str) -> Path:
        return self._site.releases / service / release

    def _known(self, service: str, release: str) -> ServiceRelease:
        known = self.prepared(service, release)
        if known is None:
            raise DeploymentError(f"The release {release} of {service} is not on this machine any more.")
        return known


def _name(service: str, release: str) -> str:
    return f"{service}--{release}"


def _write(path: Path, content: str | bytes) -> None:
    """Readable by its owner alone, and on the disk."""
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
