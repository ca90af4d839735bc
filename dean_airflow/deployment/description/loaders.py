"""Which files are read by programs that do not expand `${X:-default}`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.deployment import is_template
from dean_airflow.deployment.description.facts import kind
from dean_airflow.deployment.description.tree import Source

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_SUFFIXES = {".sql": "a database", ".json": "a JSON reader"}
_UNIT_FILE = re.compile(r"^\s*EnvironmentFile\s*=\s*-?(\S+)")


def cannot_expand(deployment: Deployment) -> list[tuple[Source, str]]:
    """Each such file with who reads it; one that has several readers is there if any of them cannot."""
    found: dict[str, tuple[Source, str]] = {}

    def add(path: Path, reader: str) -> None:
        source = deployment.tree.source(path)
        if source is not None:
            found.setdefault(source.name, (source, reader))

    for source in deployment.tree.sources:
        if source.path.suffix in _SUFFIXES and not is_template(source.path.name):
            add(source.path, _SUFFIXES[source.path.suffix])
    for unit in deployment.tree.matching(".service"):
        for line in unit.lines:
            match = _UNIT_FILE.match(line)
            if match:
                for path in _candidates(deployment, unit.path.parent, match[1]):
                    add(path, f"systemd (EnvironmentFile of {unit.name})")
    for service in deployment.services.values():
        for use in service.env_files:
            if use.raw:
                add(use.path, f"compose without expansion (`format: raw` in {service.name})")
        _mounted(deployment, service.name, add)
    for source in deployment.tree.sources:
        if source.path.name in ("nginx.conf", "prometheus.yml", "prometheus.yaml"):
            add(source.path, "nginx" if source.path.suffix == ".conf" else "Prometheus")
    return list(found.values())


def _mounted(deployment: Deployment, name: str, add: object) -> None:
    service = deployment.services[name]
    what = kind(deployment, service)
    if what not in ("nginx", "prometheus", "loki"):
        return
    if what == "loki" and re.search(r"-config\.expand-env(?:=true)?(?:\s|$)", service.command_text):
        return
    reader = {"nginx": "nginx", "prometheus": "Prometheus", "loki": "Loki"}[what]
    for mount in service.mounts:
        if mount.path is None:
            continue
        for source in deployment.tree.sources:
            inside = source.path == mount.path or source.path.is_relative_to(mount.path)
            if inside and source.path.suffix in (".conf", ".template", ".yml", ".yaml"):
                kind_of_reader = "nginx's template step" if source.path.suffix == ".template" else reader
                add(source.path, kind_of_reader)  # type: ignore[operator]


def _candidates(deployment: Deployment, folder: Path, text: str) -> list[Path]:
    """An absolute path of the host is looked for by its last parts inside the deployment."""
    path = Path(text.replace("%h", ""))
    if not path.is_absolute():
        return [folder / path, deployment.root / path]
    parts = path.parts[1:]
    return [deployment.root.joinpath(*parts[start:]) for start in range(len(parts))] + [folder / path.name]
