"""Facts that several families of checks need: parsed scripts, Dockerfiles, SQL, git's view, URLs and their services."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from dean_airflow.deployment.description.dockerfile import Dockerfile, parse_dockerfile
from dean_airflow.deployment.description.images import admin_ports_of, kind_of, ports_of
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.script import Script, is_shell, parse_script
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source, absolute

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment
    from dean_airflow.deployment.description.environment import Variable

_T = TypeVar("_T")
_GIT_SECONDS = 10.0
_PORT_OPTION = re.compile(r"(?:--port|--http-port|--bind|-b|--listen|--listen-address|--web\.listen-address|-p)[= ]"
                          r"(?:\S*?:)?(\d{2,5})\b")  # fmt: skip


def scripts(deployment: Deployment) -> list[Script]:
    """Every shell script of the deployment."""
    return remembered(deployment, "scripts", lambda: [parse_script(s) for s in deployment.tree.sources if is_shell(s)])


def dockerfile_of(deployment: Deployment, service: Service) -> Dockerfile | None:
    """The Dockerfile that builds a service, None where it is not built or the file is missing."""
    path = dockerfile_path(service)
    inline = service.get("build", "dockerfile_inline")
    if inline is not None:
        return parse_dockerfile(Source(Path(inline.place.file), inline.place.file, inline.text.encode(), 0o644))
    source = deployment.tree.source(path) if path is not None else None
    return parse_dockerfile(source) if source is not None else None


def context_path(service: Service) -> Path | None:
    """The directory a service is built from; None for none, or for one that is no local directory."""
    build = service.get("build")
    if build is None:
        return None
    context = build.get("context") if build.is_map else build
    text = context.text if context is not None else "."
    if "://" in text or text.startswith("git@") or text.endswith(".git"):
        return None
    return absolute(service.base, text or ".")


def dockerfile_path(service: Service) -> Path | None:
    context = context_path(service)
    if context is None:
        return None
    named = service.get("build", "dockerfile")
    return absolute(context, named.text if named is not None and named.text else "Dockerfile")


def base_image(deployment: Deployment, service: Service) -> str:
    """The image a service runs, or the one its Dockerfile ends up on."""
    if not service.is_built:
        return service.image
    dockerfile = dockerfile_of(deployment, service)
    return dockerfile.base if dockerfile is not None else ""


def kind(deployment: Deployment, service: Service) -> str:
    """What a service runs: postgres, redis, nginx, ...; empty where not known."""
    kinds: dict[str, str] = remembered(deployment, "kinds", dict)
    if service.name not in kinds:
        found = kind_of(base_image(deployment, service)) or (kind_of(service.image) if service.is_built else "")
        kinds[service.name] = found
    return kinds[service.name]


def of_kind(deployment: Deployment, *wanted: str) -> list[Service]:
    return [service for service in deployment.services.values() if kind(deployment, service) in wanted]


def listening(deployment: Deployment, service: Service) -> set[int]:
    """The container ports a service is known to listen on, from its command, PORT, EXPOSE or image."""
    known: dict[str, set[int]] = remembered(deployment, "listening", dict)
    if service.name not in known:
        known[service.name] = _listening(deployment, service)
    return set(known[service.name])


def _listening(deployment: Deployment, service: Service) -> set[int]:
    ports: set[int] = {int(text) for text in _PORT_OPTION.findall(service.expand(service.command_text))}
    what = kind(deployment, service)
    if ports and what in ("postgres", "mysql", "redis", "mongo"):
        return ports
    for name in ("PORT", "HTTP_PORT", "SERVER_PORT", "UVICORN_PORT", "APP_PORT", "API_PORT", "GF_SERVER_HTTP_PORT",
                 "KC_HTTP_PORT", "LISTEN_PORT", "SERVICE_PORT", "AIRFLOW__API__PORT"):  # fmt: skip
        variable = service.environment.get(name)
        if variable is not None and variable.value.isdigit():
            ports.add(int(variable.value))
    dockerfile = dockerfile_of(deployment, service)
    if dockerfile is not None:
        ports |= set(dockerfile.exposed)
        ports |= {int(text) for text in re.findall(r"--port[\", =]+(\d{2,5})", dockerfile.command)}
        if not ports and dockerfile.environment.get("PORT", "").isdigit():
            ports.add(int(dockerfile.environment["PORT"]))
    if not service.is_built or what in ("postgres", "mysql", "redis", "mongo"):
        ports |= ports_of(what)
    return ports


def container_ports(deployment: Deployment, service: Service) -> set[int]:
    """Every container port that a service is known by: listening, exposed or published."""
    published = {number for port in service.ports for number in port.target_numbers}
    known = listening(deployment, service) | set(service.exposed) | published
    if not known:
        return known
    named = {
        int(variable.value)
        for name, variable in service.environment.items()
        if name.endswith("_PORT") and variable.value.isdigit() and not service.environment.get(name[:-4] + "HOST")
    }
    return known | named | admin_ports_of(kind(deployment, service))


def is_container_script(deployment: Deployment, path: Path) -> bool:
    """Whether a file is put into a container: mounted, or inside a build context below the deployment's own."""
    for service in deployment.services.values():
        if any(mount.path is not None and path.is_relative_to(mount.path) for mount in service.mounts):
            return True
        context = context_path(service)
        if context is not None and context != deployment.root and path.is_relative_to(context):
            return True
    return False


def host_path(deployment: Deployment, service: Service, inside: str) -> tuple[Path | None, bool]:
    """What a path in a container is on the host, and whether that can be told at all.

    Named volumes, and anything in a built image, cannot be told; a path that nothing is mounted over is (None, True).
    """
    best: tuple[int, Path | None, bool] = (-1, None, not service.is_built)
    for mount in service.mounts:
        target = mount.target.rstrip("/") or "/"
        if inside == target or inside.startswith(target.rstrip("/") + "/"):
            rest = inside[len(target) :].lstrip("/")
            if len(target) > best[0]:
                path = None if mount.path is None else (mount.path / rest if rest else mount.path)
                best = (len(target), path, mount.path is not None)
    for part in ("configs", "secrets"):
        node = service.get(part)
        for entry in node.entries() if node is not None else []:
            name = _part(entry, "source") or entry.text
            given = _part(entry, "target")
            target = given if given.startswith("/") else (
                f"/run/secrets/{given or name}" if part == "secrets" else f"/{given or name}")  # fmt: skip
            if target == inside:
                defined = deployment.compose.section(part).get(name)
                file = defined.get("file") if defined is not None else None
                return (deployment.tree.resolve(file.text, service.base), True) if file is not None else (None, False)
    return best[1], best[2]


def _part(entry: Node, name: str) -> str:
    node = entry.get(name)
    return node.text if node is not None else ""


def _git_modes(root: str) -> dict[str, str] | None:
    try:
        done = subprocess.run(
            ["git", "-C", root, "ls-files", "-s", "-z"],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath), "GIT_OPTIONAL_LOCKS": "0", "HOME": os.devnull},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    modes = {}
    for entry in done.stdout.decode("utf-8", "replace").split("\0"):
        head, tab, name = entry.partition("\t")
        if tab:
            modes[name] = head.split()[0]
    return modes


def tracked(deployment: Deployment) -> dict[str, str] | None:
    """Git's mode by file name for what it tracks below the deployment; None outside a repository."""
    return remembered(deployment, "git", lambda: _git_modes(str(deployment.root)))


_MEMORY: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def remembered(deployment: Deployment, name: str, make: Callable[[], _T]) -> _T:
    """A fact of a deployment, worked out once."""
    memory = _MEMORY.setdefault(deployment.tree, {})
    if name not in memory:
        memory[name] = make()
    found: _T = memory[name]
    return found


def each_variable(deployment: Deployment) -> Iterator[tuple[Variable, Service | None]]:
    """Every variable that is set anywhere: in env files, then in the `environment` of services."""
    for env_file in deployment.used_env_files:
        for variable in env_file.variables:
            yield variable, None
    for service in deployment.services.values():
        for variable in service.own_environment.values():
            yield variable, service
