"""M22: secrets past their age."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import PurePosixPath

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.naming import is_signing_key
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.yaml_file import parse_yaml

PASSWORD_DAYS = 90
KEY_DAYS = 180
SIGNING_KEY_DAYS = 365


@check(
    "M22", "warning", "Secret past its age",
    why="The longer a secret is in use, the more places hold a copy of it.",
    fix="Rotate it and record the date.",
)  # fmt: skip
def past_rotation(deployment: Deployment) -> Iterator[Hit]:
    for name, node in _recorded(deployment).items():
        rotated = as_date(node.text)
        allowed = allowed_days(name) or next(filter(None, map(allowed_days, _roles(deployment, name))), None)
        if rotated is None or allowed is None:
            continue
        age = (deployment.now.date() - rotated).days
        if age > allowed:
            yield Hit(node.place, f"{name} was last rotated {age} days ago; {allowed} are the most.")


def allowed_days(name: str) -> int | None:
    """90 for passwords, 180 for API keys and tokens, 365 for signing keys; None for what is none of these."""
    upper = name.upper().replace("-", "_")
    if is_signing_key(upper):
        return SIGNING_KEY_DAYS
    if re.search(r"API_?KEY|TOKEN|ACCESS_KEY|APIKEY", upper):
        return KEY_DAYS
    if re.search(r"PASS(?:WORD|WD)?(?:_|$)|PASSWORD|PWD", upper):
        return PASSWORD_DAYS
    return SIGNING_KEY_DAYS if re.search(r"KEY|SECRET", upper) else None


def _roles(deployment: Deployment, secret: str) -> Iterator[str]:
    """The variables by which services read a secret's file: `X` where `X_FILE` names it."""
    for service in deployment.services.values():
        for variable in service.environment.values():
            if variable.name.upper().endswith("_FILE") and PurePosixPath(variable.value).name == secret:
                yield variable.name[: -len("_FILE")]


def _recorded(deployment: Deployment) -> dict[str, Node]:
    """Dates by secret, of `dean-deployment.yaml` and `secrets/rotation.yaml`, where rotations are noted: the later."""
    found: dict[str, Node] = {}
    for name in ("rotation.yaml", "rotation.yml"):
        source = deployment.tree.source(deployment.root / "secrets" / name)
        root = parse_yaml(source).root if source is not None else None
        for secret, node in root.items() if root is not None else []:
            rotated = node.get("rotated") if node.is_map else node
            if rotated is not None:
                found[secret] = rotated
    declared = deployment.file.get("secrets")
    for secret, node in declared.items() if declared is not None else []:
        rotated = node.get("rotated")
        if rotated is not None and _later(rotated, found.get(secret)):
            found[secret] = rotated
    return found


def _later(node: Node, other: Node | None) -> bool:
    ours, theirs = as_date(node.text), as_date(other.text) if other is not None else None
    return theirs is None or (ours is not None and ours >= theirs)


def as_date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).date()
    except ValueError:
        return None
