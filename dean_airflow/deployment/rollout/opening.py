"""The begin of a deployment: what was left is cleared up, what is wanted is validated and planned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dean_airflow.deployment.backends.backend import Backend
from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.plan.plan import WITHDRAW, Plan, PlannedService, make_plan
from dean_airflow.deployment.plan.services import STRATEGIES, strategy_of
from dean_airflow.deployment.rollout.backups import find_backup
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.recovery import recover
from dean_airflow.deployment.rollout.report import write_report
from dean_airflow.deployment.rollout.request import DeployRequest
from dean_airflow.deployment.rollout.work import Work, wanted
from dean_airflow.deployment.site import Site
from dean_airflow.deployment.validator import DeploymentValidator
from dean_airflow.errors import DeploymentError
from dean_airflow.store.deployment_locks import DeploymentLock
from dean_airflow.store.store import Store

HOOKS = ("pre_deploy", "backup", "post_deploy")


def open_work(request: DeployRequest, means: Means, site: Site, lock: DeploymentLock, deployment_id: str) -> Work:
    """The deployment, validated and planned, with the status deploying; or as an earlier try has left it.

    Raises DeploymentError where it is not valid or not possible; then it has failed, and nothing was changed.
    """
    deployment = read_deployment(request.directory, environment=request.environment or None, shell=os.environ)
    name = deployment.file.text("name") or deployment.root.name
    record = means.store.deployments.create(
        deployment_id,
        place=site.id,
        host=site.host,
        directory=str(site.directory),
        name=name[:250],
        environment=deployment.environment,
        kind="rollback" if request.rollback_to else "deploy",
        strategy=_short(request.strategy) or strategy_of(deployment, None),
        backend=_short(backend_name(request, deployment)),
        requested_by=request.requested_by,
        request=request.as_json(),
        dag_id=means.dag_id,
        run_id=means.run_id,
        execution=means.execution,
    )
    work = Work(means, site, lock, record, request)
    if record.status not in ("pending", "validating"):
        return work
    means.say(f"Starting deployment of {name} ({deployment_id}) to the {deployment.environment} environment.")
    work.move("validating")
    try:
        recover(means, site, lock, record)
        if not request.rollback_to:
            _validate(work)
        request = with_backup(means.store, request)
        current = {name: row.release for name, row in means.store.releases.current(site.id).items()}
        plan = plan_for(request, means, site, work.backend, deployment, current, make=True)
        refuse(work.backend, plan)
    except DeploymentError as error:
        work.move("failed", error=str(error))
        write_report(work)
        raise
    for position, each in enumerate(plan.services, 1):
        work.note(
            each.service,
            position=position,
            release=each.release.release if each.strategy != WITHDRAW else None,
            previous_release=each.previous,
            state="unchanged" if each.change == "unchanged" else "pending",
            health=None,
            error=None,
        )
    for line in plan.describe():
        means.say(f"Planned: {line.rstrip('.')}.")
    work.move("deploying", request={**request.as_json(), "plan": plan.as_json()}, strategy=plan.strategy)
    return work


def plan_for(
    request: DeployRequest,
    means: Means,
    site: Site,
    backend: Backend,
    deployment: Deployment,
    current: Mapping[str, str],
    *,
    make: bool,
) -> Plan:
    """The plan from `current`, by service, to what is asked for. Raises DeploymentError.

    With `make` off it touches nothing, and does not look at the store.
    """
    strategy = strategy_of(deployment, request.strategy or None)
    hooks = tuple(name for name in HOOKS if deployment.file.get("hooks", name) is not None)
    if request.rollback_to:
        return _plan_back(request, site, backend, deployment, current, strategy, hooks)
    found = wanted(means, site, backend, deployment, request, make=make)
    if not found.releases:
        raise DeploymentError(f"{deployment.root} describes no service that could be deployed.")
    return make_plan(
        directory=str(deployment.root),
        name=deployment.file.text("name") or deployment.root.name,
        environment=deployment.environment,
        backend=backend.name,
        strategy=strategy,
        releases=found.releases,
        strategies=found.strategies,
        current=current,
        external=found.external,
        hooks=hooks,
        compared=_is_compared(means, deployment),
    )


def _plan_back(
    request: DeployRequest,
    site: Site,
    backend: Backend,
    deployment: Deployment,
    current: Mapping[str, str],
    strategy: str,
    hooks: tuple[str, ...],
) -> Plan:
    """To what ran when a backup was taken; what did not run then is stopped, last of all."""
    backup = find_backup(site, request.rollback_to)
    services: list[PlannedService] = []
    for service, release in backup.releases.items():
        prepared = backend.prepared(service, release)
        if prepared is None:
            raise DeploymentError(
                f"The release {release} of {service}, which the backup {backup.name} names, is not on this machine "
                "any more. Nothing changed."
            )
        services.append(PlannedService(prepared, current.get(service), strategy))
    for service in sorted(set(current) - set(backup.releases)):
        running = backend.prepared(service, current[service])
        if running is not None:
            services.append(PlannedService(running, current[service], WITHDRAW))
    name = deployment.file.text("name") or deployment.root.name
    return Plan(
        str(deployment.root), name, deployment.environment, backend.name, strategy, tuple(services), hooks=hooks
    )


def with_backup(store: Store, request: DeployRequest) -> DeployRequest:
    """The request with the name of a backup where it names a deployment: to before that one. Raises DeploymentError."""
    if not request.rollback_to.startswith("deployment-"):
        return request
    record = store.deployments.get(request.rollback_to)
    if record.backup is None:
        raise DeploymentError(f"{record.id} has no backup, because it changed nothing; there is nothing to go back to.")
    return replace(request, rollback_to=record.backup)


def backend_name(request: DeployRequest, deployment: Deployment) -> str:
    """Which backend deploys it: as asked for, else as the file says, else processes."""
    return request.backend or deployment.file.text("backend") or "process"


def _short(text: str) -> str:
    if len(text) > 16:
        raise DeploymentError(f"{text!r} is no strategy and no backend; strategies are {', '.join(STRATEGIES)}.")
    return text


def _is_compared(means: Means, deployment: Deployment) -> bool:
    return means.compare is not None and deployment.file.has("canary")


def _validate(work: Work) -> None:
    """The validator's verdict, kept. Raises DeploymentError where an error blocks the deployment."""
    assert work.request is not None
    validator = DeploymentValidator(
        Path(work.record.directory), environment=work.record.environment, with_probes=work.request.probes
    )
    result = validator.validate()
    kept = work.means.store.validations.save(result.as_json(), deployment_id=work.record.id)
    work.means.say(f"Validated ({kept.id}): {result.summary}")
    if not result.valid:
        worst = "; ".join(f"{finding.id} {finding.place}: {finding.what}" for finding in result.errors[:3])
        raise DeploymentError(f"The deployment is not valid: {worst}")


def refuse(backend: Backend, plan: Plan) -> None:
    """Raises DeploymentError where a service cannot be rolled out as planned, with the reason. Touches nothing."""
    for each in plan.changed:
        if each.strategy == WITHDRAW:
            continue
        if reason := backend.refusal(each.release, each.strategy):
            raise DeploymentError(reason)
        before = backend.prepared(each.service, each.previous) if each.previous else None
        if each.strategy == "blue_green" and before is not None and before.listen != each.release.listen:
            raise DeploymentError(
                f"{each.service} cannot be rolled out blue/green, because its address changes; use recreate."
            )
