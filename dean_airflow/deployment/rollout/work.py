"""One deployment while somebody works at it: its record, its lock, its journal, its backend and its plan."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import Any

from dean_airflow.deployment.backends.backend import Backend
from dean_airflow.deployment.backends.compose.compose import ComposeBackend
from dean_airflow.deployment.backends.process.process import ProcessBackend
from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.plan.plan import PlannedService
from dean_airflow.deployment.plan.release import Check, ServiceRelease
from dean_airflow.deployment.plan.services import Wanted, wanted_releases
from dean_airflow.deployment.rollout.journal import Journal
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError
from dean_airflow.store.deployment_locks import DeploymentLock
from dean_airflow.store.deployments import DeploymentRecord

DATA_VARIABLE = "DEAN_DEPLOYMENT_DATA"
"""Names the folder of what services keep, for descriptions of processes."""


class Work:
    """`request` is None where what another one left is cleared up."""

    def __init__(
        self, means: Means, site: Site, lock: DeploymentLock, record: DeploymentRecord, request: DeployRequest | None
    ) -> None:
        self.means, self.site, self.lock, self.record, self.request = means, site, lock, record, request
        self.backend: Backend = means.backend_of(record.backend, site)
        self.journal = Journal(means, lock, record.id, record.attempt)

    @cached_property
    def deployment(self) -> Deployment:
        """The description as it is now. Raises DeploymentError."""
        return read_deployment(self.record.directory, environment=self.record.environment, shell=os.environ)

    @cached_property
    def wanted(self) -> Wanted:
        return wanted(self.means, self.site, self.backend, self.deployment, self.request, make=True)

    def planned(self) -> list[PlannedService]:
        """The plan's services as they were decided when the deployment was opened. Raises DeploymentError."""
        return [
            PlannedService(
                self.release(facts["service"], facts["release"]),
                facts["previous_release"],
                facts["strategy"],
                "compare" in facts["actions"],
            )
            for facts in self.record.request.get("plan", {}).get("services", ())
        ]

    def release(self, service: str, release: str) -> ServiceRelease:
        """From this machine where it is prepared, else from the description. Raises DeploymentError."""
        prepared = self.backend.prepared(service, release)
        if prepared is not None:
            return prepared
        for each in self.wanted.releases:
            if (each.service, each.release) == (service, release):
                return each
        raise DeploymentError(
            f"What describes {service} changed while it was being deployed, or the release {release} was removed."
        )

    def move(self, status: str, **changes: Any) -> None:
        """The deployment's status from now on. Raises IllegalTransition, DeploymentLockLost."""
        self.record = self.means.store.deployments.transition(self.lock, self.record.id, status, **changes)

    def note(self, service: str, **columns: Any) -> None:
        self.means.store.deployments.set_service(self.lock, self.record.id, service, **columns)

    @property
    def committed(self) -> bool:
        """Whether it is past the point from which there is no way back."""
        return self.journal.state("", "commit") == "done"


def wanted(
    means: Means, site: Site, backend: Backend, deployment: Deployment, request: DeployRequest | None, *, make: bool
) -> Wanted:
    """What the description wants to run here. `make`: the key that names depend on is made if there is none."""
    key = ProcessBackend(site).key(make=make) if isinstance(backend, ProcessBackend | ComposeBackend) else b""
    variables = {DATA_VARIABLE: str(site.data), **means.variables(deployment)}
    variables |= dict(request.variables) if request is not None else {}
    check = Check(within=request.service_timeout) if request is not None else Check()
    found = wanted_releases(deployment, key, variables, check)
    if isinstance(backend, ComposeBackend):
        found = replace(found, releases=tuple(backend.described(deployment, each, key) for each in found.releases))
    if request is None or not request.services:
        return found
    known = {each.service for each in found.releases}
    if unknown := [name for name in request.services if name not in known]:
        raise DeploymentError(
            f"{unknown[0]} is no service of {deployment.root}; there are: {', '.join(sorted(known))}."
        )
    chosen = tuple(each for each in found.releases if each.service in request.services)
    others = tuple(name for name in (*found.external, *sorted(known)) if name not in request.services)
    return Wanted(chosen, found.strategies, others)
