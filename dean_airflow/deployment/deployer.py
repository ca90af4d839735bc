"""Deploys a directory: validates, backs up, rolls out, verifies; or takes everything back.

What is left is always one of two states: the one before, or the one that was wanted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.result import ValidationResult
from dean_airflow.deployment.rollout import stages
from dean_airflow.deployment.rollout.backups import Backup, list_backups
from dean_airflow.deployment.rollout.holding import holding
from dean_airflow.deployment.rollout.means import Means, backend_named
from dean_airflow.deployment.rollout.opening import backend_name, plan_for, refuse, with_backup
from dean_airflow.deployment.rollout.recovery import recover_site
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.deployment.site import site_of
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.errors import DeploymentError
from dean_airflow.store.ids import new_deployment_id
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)


class Deployer:
    """Deploys by the settings of an installation, without Airflow.

    `means` makes what a deployment works with from settings, the open store and `say`; by default the shipped parts.
    `say` gets each line of the log.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Callable[[str], object] = log.info,
        means: Callable[[Settings, Store, Callable[[str], object]], Means] = Means,
    ) -> None:
        self._settings = settings
        self._say = say
        self._means = means

    def deploy(self, request: DeployRequest) -> dict[str, Any]:
        """The report: `success`, `status`, `message`, `services`, …; also of a deployment that was rolled back.

        A dry run touches nothing: no process, file, lock or row. Raises DeploymentError (one that is not valid or not
        possible: nothing was changed), DeploymentLocked, DeploymentLockLost, StoreError.
        """
        if request.dry_run:
            return self.dry_run(request)
        with Store.open(self._settings.store) as store:
            means = self._means(self._settings, store, self._say)
            return stages.deploy(request, means, new_deployment_id())

    def dry_run(self, request: DeployRequest) -> dict[str, Any]:
        """What would be done, and whether the description is valid. Raises DeploymentError."""
        site = site_of(request.directory, self._settings.data_dir)
        deployment = read_deployment(request.directory, environment=request.environment or None, shell=os.environ)
        validation = self.validate(request, probes=False)
        with self._store_if_there() as store:
            current = {} if store is None else {n: r.release for n, r in store.releases.current(site.id).items()}
            request = request if store is None else with_backup(store, request)
        means = self._means(self._settings, None, self._say)  # type: ignore[arg-type]  # a plan asks no store
        backend = means.backend_of(backend_name(request, deployment), site)
        plan = plan_for(request, means, site, backend, deployment, current, make=False)
        refuse(backend, plan)
        goal = f"backup {request.rollback_to}" if request.rollback_to else plan.name
        message = f"Would deploy {goal} to the {plan.environment} environment:"
        if not validation.valid:
            worst = "; ".join(f"{finding.id} {finding.place}: {finding.what}" for finding in validation.errors[:3])
            message = f"Would deploy nothing to the {plan.environment} environment, because it is not valid: {worst}"
        told = plan.as_json()
        if not validation.valid:
            told["steps"] = []
        elif not site.key.exists():
            told["steps"].append(
                "releases get other names than these, because names depend on a key that the first deployment makes"
            )
        return {
            "success": validation.valid,
            "status": "dry_run",
            "dry_run": True,
            "message": message,
            "environment": plan.environment,
            "validation": validation.summary,
            "plan": told,
        }

    def validate(self, request: DeployRequest, *, probes: bool | None = None) -> ValidationResult:
        """The validator's result alone. Raises DeploymentError."""
        asked = request.probes if probes is None else probes
        return DeploymentValidator(
            request.directory, environment=request.environment or None, with_probes=asked
        ).validate()

    def backups(self, directory: str) -> list[Backup]:
        """The backups of a directory, newest first. Raises DeploymentError for a damaged one."""
        return list_backups(site_of(directory, self._settings.data_dir))

    def status(self, directory: str) -> dict[str, Any]:
        """What runs of a directory, by service. Raises StoreError."""
        site = site_of(directory, self._settings.data_dir)
        with Store.open(self._settings.store) as store:
            rows = store.releases.current(site.id)
            held = store.deployment_locks.holder(site.id)
        services = {}
        for service, row in rows.items():
            backend = backend_named(str(row.data.get("backend") or "process"), site)
            running = backend.status(service, row.release)
            services[service] = {
                "release": row.release,
                "previous_release": row.previous_release,
                "state": running.state,
                "reason": running.reason,
                "listen": row.data.get("listen") or "",
                "since": row.since.isoformat(),
            }
        return {"directory": str(site.directory), "deploying": held.owner if held else None, "services": services}

    def up(self, directory: str) -> list[str]:
        """Starts what is deployed and does not run, as after a restart of the machine; answers which services.

        Raises DeploymentError, DeploymentLocked, StoreError.
        """
        site = site_of(directory, self._settings.data_dir)
        with Store.open(self._settings.store) as store:
            means = self._means(self._settings, store, self._say)
            with holding(means, site, new_deployment_id()) as held:
                recover_site(means, site, held.lock)
                found = {
                    service: (means.backend_of(str(row.data.get("backend") or "process"), site), row.release)
                    for service, row in store.releases.current(site.id).items()
                }
                # all are asked before the first is started: with it a backend may start the others as well
                started = [
                    service
                    for service, (backend, release) in found.items()
                    if backend.status(service, release).state not in ("running", "starting")
                ]
                for service in started:
                    backend, release = found[service]
                    backend.start(service, release)
                    backend.switch(service, release)
                return started

    def down(self, directory: str, *, destructive: bool = False) -> list[str]:
        """Stops everything that is deployed from a directory; answers which services. Backups stay.

        What services keep stays, too; with `destructive` both go. Raises DeploymentError, DeploymentLocked, StoreError.
        """
        site = site_of(directory, self._settings.data_dir)
        with Store.open(self._settings.store) as store:
            means = self._means(self._settings, store, self._say)
            with holding(means, site, new_deployment_id()) as held:
                recover_site(means, site, held.lock)
                rows = store.releases.current(site.id)
                names = sorted({str(row.data.get("backend") or "process") for row in rows.values()} or {"process"})
                for name in names:
                    means.backend_of(name, site).close(destructive=destructive)
                for service in rows:
                    store.releases.remove(held.lock, service)
                if destructive:
                    shutil.rmtree(site.folder, ignore_errors=True)
                return sorted(rows)

    @contextlib.contextmanager
    def _store_if_there(self) -> Iterator[Store | None]:
        """The store, unless opening it would make it."""
        url = self._settings.store
        if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:///")).is_file():
            yield None
            return
        with Store.open(url) as store:
            yield store


__all__ = ["DeployRequest", "Deployer", "DeploymentError"]
