"""Asking Docker about the deployment at hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dean_airflow.deployment.finding import NotChecked
from dean_airflow.deployment.probes.probes import Probes, Ran

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment


def needs_docker(deployment: Deployment) -> None:
    """Raises NotChecked where the deployment is of processes, not of containers."""
    if deployment.file.text("backend") == "process":
        raise NotChecked("the deployment runs as processes (`backend: process`)")
    if not deployment.services:
        raise NotChecked("the deployment has no containers")


def needs_host_ports(deployment: Deployment) -> None:
    """Raises NotChecked where compose's published ports are not bound, because processes are deployed instead."""
    if deployment.file.text("backend") == "process":
        raise NotChecked("the deployment runs as processes (`backend: process`), which publish no ports")


def project_name(deployment: Deployment) -> str:
    """The project's name as compose makes it."""
    named = deployment.compose.root.get("name")
    variable = deployment.variables.get("COMPOSE_PROJECT_NAME")
    if variable is not None and variable.value:
        return variable.value
    if named is not None and named.text:
        return named.text
    folder = deployment.compose_files[0].parent if deployment.compose_files else deployment.root
    return re.sub(r"^[_-]+", "", re.sub(r"[^a-z0-9_-]", "", folder.name.lower()))


def in_compose(deployment: Deployment, probes: Probes, *words: str) -> Ran:
    """A compose command of the project. Raises NotChecked where Docker does not answer."""
    needs_docker(deployment)
    files = [part for path in deployment.compose_files for part in ("-f", str(path))]
    ran = probes.run(["docker", "compose", *files, *words], cwd=deployment.root)
    if not ran.ok:
        raise NotChecked("Docker does not answer, or the project does not run")
    return ran
