"""From a deployment's description to what a rotation works on."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.hooks.runner import passed_on
from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.deployment.rollout.work import DATA_VARIABLE
from dean_airflow.deployment.secrets.command import CommandAuthority
from dean_airflow.deployment.secrets.held_value import FileHolder, HeldValueTarget, replace_file
from dean_airflow.deployment.secrets.postgres import PassfileHolder, PostgresRole
from dean_airflow.deployment.secrets.rotation import OVERLAP, Rotating
from dean_airflow.deployment.secrets.section import SecretFacts, secret_facts
from dean_airflow.deployment.secrets.signing_keys import SigningKeysTarget
from dean_airflow.deployment.secrets.target import Authority, Holder, Target
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeploymentError, DeploymentLocked, DeploymentNotFound

Holders = Mapping[str, Callable[[str], Holder]]
"""What keeps a value of a kind (`airflow_variable`, `airflow_connection`), from its name."""

LOCKED_SECONDS = 900.0
"""How long a rotation waits for a deployment that is under way before it rolls the readers."""
POLL_SECONDS = 0.5


def rotating_of(
    directory: str,
    name: str,
    means: Means,
    *,
    environment: str = "",
    overlap: timedelta | None = None,
    requested_by: str = "",
    holders: Holders | None = None,
) -> Rotating:
    """What rotating a secret of a deployment takes. `overlap` is the caller's, else the secret's own, else 24 h.

    Raises DeploymentError: no such deployment or secret, or one that is wrongly described.
    """
    deployment = read_deployment(directory, environment=environment or None, shell=os.environ)
    site = site_of(directory, means.settings.data_dir)
    facts = secret_facts(deployment, name, {DATA_VARIABLE: str(site.data)})
    lasts = overlap if overlap is not None else facts.overlap if facts.overlap is not None else OVERLAP
    return Rotating(
        target=target_of(facts, deployment, means, holders or {}),
        site=site,
        environment=deployment.environment,
        overlap=lasts,
        requested_by=requested_by,
        roll=lambda key: _roll(key, facts, deployment, means),
        record=lambda: record_rotation(deployment.root, name, means.store.now().date().isoformat()),
    )


def target_of(facts: SecretFacts, deployment: Deployment, means: Means, holders: Holders) -> Target:
    """Raises DeploymentError."""
    if facts.kind == "signing_keys":
        path = deployment.tree.resolve(facts.file) if facts.file else means.settings.signing_keys_file
        return SigningKeysTarget(
            path, facts.accepted_by or {}, production=deployment.in_production, name=facts.name, now=means.store.now
        )
    return HeldValueTarget(facts.name, _holder(facts, deployment, holders), _authority(facts, deployment), facts.length)


def _holder(facts: SecretFacts, deployment: Deployment, holders: Holders) -> Holder:
    if facts.kind not in ("value", "pgpass"):
        if facts.kind not in holders:
            raise DeploymentError(f"{facts.place}: {facts.name} lives in Airflow; rotate it by dean_secret_rotation.")
        return holders[facts.kind](facts.variable)
    written = facts.file or ("" if facts.kind == "pgpass" else deployment.file.text("secrets_file"))
    if not written:
        raise DeploymentError(
            f"{facts.place}: the secret {facts.name} names no `file`, and there is no `secrets_file`."
        )
    path = deployment.tree.resolve(written)
    if deployment.tree.is_escape(path):
        raise DeploymentError(f"{facts.place}: {written} is a link that leads out of the deployment.")
    if facts.kind == "pgpass":
        return PassfileHolder(path, facts.variable)
    return FileHolder(path, facts.variable, production=deployment.in_production)


def _authority(facts: SecretFacts, deployment: Deployment) -> Authority | None:
    if facts.postgres:
        return PostgresRole(facts.postgres)
    if not facts.allow:
        return None
    return CommandAuthority(deployment.root, facts.place, facts.allow, facts.refuse, facts.check, passed_on())


def _roll(key: str, facts: SecretFacts, deployment: Deployment, means: Means) -> None:
    """Deploys the readers with what they find now. Nothing where nothing is deployed. Raises DeploymentError."""
    if facts.kind == "signing_keys":
        return  # the servers look at the file themselves
    site = site_of(deployment.root, means.settings.data_dir)
    if not means.store.releases.current(site.id):
        return
    request = DeployRequest(
        str(deployment.root), environment=deployment.environment, services=facts.readers, probes=False,
        requested_by=f"rotation of {facts.name}",
    )  # fmt: skip
    way = key.rpartition(".")
    if way[2] == "back" and not _is_changed(means, _deployment_id(f"{way[0]}.forward")):
        return
    deployment_id = _deployment_id(key)
    until = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            report = stages.deploy(request, means, deployment_id)
            break
        except DeploymentLocked:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)
    if not report["success"]:
        why = "; ".join(str(each) for each in report["errors"]) or report["message"]
        raise DeploymentError(f"The readers of {facts.name} could not be rolled: {why}")


def _deployment_id(key: str) -> str:
    return "deployment-" + hashlib.sha256(key.encode()).hexdigest()[:12]


def _is_changed(means: Means, deployment_id: str) -> bool:
    """Whether the readers may run something else than before: not where it was taken back, or never began."""
    try:
        record = means.store.deployments.get(deployment_id)
    except DeploymentNotFound:
        return False
    return record.status != "rolled_back" and bool(means.store.deployments.services(deployment_id))


def record_rotation(root: Path, name: str, day: str) -> None:
    """Notes the day in `secrets/rotation.yaml`, where the validator looks. Raises DeploymentError."""
    path = root / "secrets" / "rotation.yaml"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"The day of the rotation cannot be noted in {path}: {error}.") from None
    line = f"{name}: {day}"
    known = re.compile(rf"^{re.escape(name)}\s*:.*(?:\n[ \t]+.*)*$", re.MULTILINE)
    if known.search(text):
        text = known.sub(line, text, count=1)
    else:
        text = f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"
    replace_file(path, text.encode())
