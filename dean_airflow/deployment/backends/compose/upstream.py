"""Leads a reverse proxy to a release: the upstream's host in its configuration file is replaced, and it is told.

The file is written in place, because it may be mounted alone: a new file of the same name would not be the mounted one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from dean_airflow.deployment.backends.compose.cli import Docker
from dean_airflow.errors import DeploymentError

RELOAD = {
    "nginx": (("nginx", "-t"), ("nginx", "-s", "reload")),
    "caddy": (("caddy", "reload", "--config", "/etc/caddy/Caddyfile"),),
    "haproxy": (("kill", "-USR2", "1"),),
    "apache": (("apachectl", "graceful"),),
    "traefik": (),
}
"""What each kind is told in its container; traefik looks at its files itself."""


def upstream_pattern(service: str) -> re.Pattern[str]:
    """A service's name, or that of one of its releases, where a host stands: before a port or alone."""
    return re.compile(rf"(?<![\w.-]){re.escape(service)}(?:-[0-9a-f]{{12}})?(?=:\d|[\s;/,'\"\]]|$)")


def lead_to(path: Path, lines: set[int], service: str, host: str) -> bytes:
    """Replaces the upstream's host on these lines (from 1); the file as it was. Raises DeploymentError."""
    try:
        before = path.read_bytes()
        pattern = upstream_pattern(service)
        text = before.decode().split("\n")
        changed = [pattern.sub(host, line) if number in lines else line for number, line in enumerate(text, 1)]
        if host not in "\n".join(changed):
            raise DeploymentError(f"{path} names no upstream {service} where it is thought to.")
        write_in_place(path, "\n".join(changed).encode())
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"The proxy's configuration {path} cannot be changed: {error}.") from None
    return before


def write_in_place(path: Path, data: bytes) -> None:
    """Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def reload(docker: Docker, container: str, kind: str) -> None:
    """Raises DeploymentError; a proxy that refuses its new configuration goes on with the one it has."""
    for command in RELOAD[kind]:
        docker.run("exec", container, *command)
