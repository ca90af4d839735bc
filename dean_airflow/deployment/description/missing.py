"""Env files that the deployment needs and does not have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_TEMPLATES = (".env.example", ".env.template", ".env.sample", ".env.dist")


@dataclass(frozen=True)
class MissingFile:
    """A missing env file, where it is asked for, and by what; `is_there` where it exists and cannot be read."""

    path: Path
    place: Place
    asked_by: str
    is_there: bool = False


def missing_env_files(deployment: Deployment) -> list[MissingFile]:
    """Each once: those that `env_file` names, and `.env` where a variable needs it or its template lies beside it."""
    tree = deployment.tree
    found: dict[Path, MissingFile] = {}
    for service in deployment.services.values():
        for use in service.env_files:
            if use.required and not _is_there(use.path):
                found.setdefault(use.path, MissingFile(use.path, use.place, f"`env_file` of {service.name}"))
            elif _is_there(use.path) and tree.source(use.path) is None and not tree.is_escape(use.path):
                asked = f"`env_file` of {service.name}"
                found.setdefault(use.path, MissingFile(use.path, use.place, asked, is_there=True))
    for missing in deployment.compose.missing_env_files:
        found.setdefault(missing.path, MissingFile(missing.path, missing.place, "an `include`"))
    dotenv = tree.root / ".env"
    if dotenv not in found and not _is_there(dotenv):
        unset = [reference for reference in deployment.compose.references if reference.use.outcome == "unset"]
        if unset:
            first = unset[0]
            found[dotenv] = MissingFile(dotenv, first.place, f"`{first.use.name}`, which has no default,")
        elif template := next((name for name in _TEMPLATES if _is_there(tree.root / name)), None):
            found[dotenv] = MissingFile(dotenv, Place(".env"), f"{template}, its template,")
    return list(found.values())


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
