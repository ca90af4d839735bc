"""Backups: what described a deployment and what ran, by name, before it was changed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError
from dean_airflow.store.deployments import DeploymentRecord
from dean_airflow.store.releases import Release

KEPT = 10
"""The newest backups of a site that stay."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Backup:
    """`releases` is what ran of each service."""

    name: str
    at: str
    environment: str
    backend: str
    releases: Mapping[str, str]
    folder: Path


def backup_name(record: DeploymentRecord) -> str:
    """The same for every try of an attempt; sorts by time."""
    milliseconds = record.created_at.microsecond // 1000
    return f"{record.created_at:%Y%m%dT%H%M%S}{milliseconds:03}Z-{record.id.rpartition('-')[2][:6]}-{record.attempt}"


def make_backup(site: Site, record: DeploymentRecord, deployment: Deployment, running: Mapping[str, Release]) -> str:
    """Keeps the description's files and what runs; answers the backup's name.

    Raises DeploymentError where it cannot be written; then nothing of it is left.
    """
    name = backup_name(record)
    folder = site.backups / name
    beside = site.backups / f"{name}.new"
    shutil.rmtree(beside, ignore_errors=True)
    if folder.exists():
        return name
    facts = {
        "at": f"{record.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "directory": str(deployment.root),
        "environment": record.environment,
        "backend": record.backend,
        "releases": {service: release.release for service, release in sorted(running.items())},
    }
    try:
        (beside / "files").mkdir(mode=0o700, parents=True)
        for source in deployment.tree.sources:
            path = beside / "files" / source.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(source.data)
            path.chmod(source.mode & 0o700)
        with (beside / "backup.json").open("w") as file:
            json.dump(facts, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise DeploymentError(
            f"The backup cannot be kept in {site.backups}: {error.strerror}. Nothing was changed."
        ) from None
    return name


def remove_backup(site: Site, name: str) -> None:
    """Without the folder of all backups, too, where it was the only one."""
    shutil.rmtree(site.backups / f"{name}.new", ignore_errors=True)
    shutil.rmtree(site.backups / name, ignore_errors=True)
    if site.backups.is_dir() and not any(site.backups.iterdir()):
        site.backups.rmdir()


def list_backups(site: Site) -> list[Backup]:
    """Newest first; what is half written is none."""
    if not site.backups.is_dir():
        return []
    names = sorted((path.name for path in site.backups.iterdir() if (path / "backup.json").exists()), reverse=True)
    return [_read(site, name) for name in names if not name.endswith(".new")]


def find_backup(site: Site, name: str) -> Backup:
    """Raises DeploymentError for an unknown one, with those there are."""
    if not _NAME.fullmatch(name) or not (site.backups / name / "backup.json").is_file():
        known = ", ".join(each.name for each in list_backups(site)[:5]) or "none"
        raise DeploymentError(f"There is no backup {name!r} of {site.directory}; there are: {known}. Nothing changed.")
    return _read(site, name)


def _read(site: Site, name: str) -> Backup:
    folder = site.backups / name
    try:
        facts: dict[str, Any] = json.loads((folder / "backup.json").read_text())
        return Backup(name, facts["at"], facts["environment"], facts["backend"], facts["releases"], folder / "files")
    except (OSError, ValueError, KeyError, TypeError):
        raise DeploymentError(f"The backup {name} in {folder} is damaged.") from None
