"""Deployments and the validator's reports: listed, looked at, and taken back by a run of `dean_deployment`."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from dean_airflow.errors import DeploymentNotFound
from dean_airflow.plugin.airflow_runner import trigger
from dean_airflow.plugin.api.common import Limit, Offset, failures
from dean_airflow.plugin.api.deployment_models import (
    Deployment,
    DeploymentRow,
    Deployments,
    FindingShown,
    MayOfDeployment,
    RollbackStarted,
    ServiceOfDeployment,
    Step,
    Steps,
    Validation,
    ValidationOfDeployment,
    ValidationRow,
    Validations,
)
from dean_airflow.plugin.dags import DEPLOYMENT_DAG, VALIDATION_DAG
from dean_airflow.plugin.permissions import (
    may_deploy,
    may_read,
    may_run,
    reads,
    require,
    stored_of,
    token_of,
    user_of,
    visible_of,
)
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.deployment_steps import DeploymentStep
from dean_airflow.store.deployments import DeploymentRecord
from dean_airflow.store.store import Store
from dean_airflow.store.validations import Validation as StoredValidation

router = APIRouter(tags=["deployments"])

STEPS_SHOWN = 1000
NOT_FOUND = "Deployment not found"

may_see_validations = reads(VALIDATION_DAG)


async def visible_dags_of_deployments(request: Request) -> frozenset[str | None]:
    """A dependency: the DAGs whose deployments the caller may see; 403 where there is none."""
    known = await stored_of(request)(lambda store: store.deployment_pages.dags())
    visible = await run_in_threadpool(visible_of, user_of(request), known, DEPLOYMENT_DAG)
    require(bool(visible))
    return visible


async def visible_deployment(request: Request, deployment_id: str) -> DeploymentRecord:
    """A dependency: the deployment a path names; 404 for one that is unknown or not the caller's to see."""
    found = await stored_of(request)(lambda store: store.deployment_pages.find(deployment_id))
    dag = DEPLOYMENT_DAG if found is None or found.dag_id is None else found.dag_id
    if not await run_in_threadpool(may_read, user_of(request), dag):
        require(found is not None and await run_in_threadpool(may_read, user_of(request), DEPLOYMENT_DAG))
        found = None
    if found is None:
        raise ApiError(404, NOT_FOUND)
    return found


Visible = Annotated[DeploymentRecord, Depends(visible_deployment)]


@router.get("/deployments", responses=failures())
async def list_deployments(
    request: Request,
    visible: Annotated[frozenset[str | None], Depends(visible_dags_of_deployments)],
    status: Annotated[list[str] | None, Query(max_length=20)] = None,
    directory: Annotated[str | None, Query(max_length=4096)] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Deployments:
    """The deployments whose DAG's runs the caller may read, newest first."""
    found, total = await stored_of(request)(
        lambda store: store.deployment_pages.page(
            visible, statuses=status or (), directory=directory, limit=limit, offset=offset
        )
    )
    rows = [deployment_row(one) for one in found]
    return Deployments(deployments=rows, total=total, limit=limit, offset=offset)


@router.get("/deployments/{deployment_id}", responses=failures(404))
async def get_deployment(request: Request, deployment: Visible) -> Deployment:
    """One deployment: its services, what was done so far, and what its validation found."""
    read = await stored_of(request)(lambda store: _read(store, deployment))
    may = await run_in_threadpool(may_run, user_of(request), DEPLOYMENT_DAG)
    return Deployment(
        **_fields(deployment),
        backup=deployment.backup,
        request=deployment.request,
        report=deployment.report,
        may=MayOfDeployment(roll_back=may and not why_not_back(deployment)),
        **read,
    )


@router.get("/deployments/{deployment_id}/steps", responses=failures(404))
async def steps(
    request: Request,
    deployment: Visible,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Limit = 1000,
) -> Steps:
    """The lines of its journal after a number: what happened since."""
    found = await stored_of(request)(lambda store: store.deployment_steps.since(deployment.id, after, limit))
    shown = [step_shown(one) for one in found]
    return Steps(steps=shown, newest=shown[-1].sequence if shown else after)


@router.post(
    "/deployments/{deployment_id}/rollback",
    status_code=202,
    responses=failures(400, 404, 409),
    dependencies=[Depends(may_deploy)],
)
async def roll_back(request: Request, deployment: Visible) -> RollbackStarted:
    """Goes back to before a deployment that succeeded, by a run of `dean_deployment` as the caller; 400 for others."""
    if why := why_not_back(deployment):
        raise ApiError(400, f"Deployment {deployment.id} stays: {why}.")
    run_id = f"rollback__{deployment.id}__{secrets.token_hex(4)}"
    await trigger(DEPLOYMENT_DAG, run_id, rollback_conf(deployment), token_of(request))
    return RollbackStarted(
        deployment_id=deployment.id,
        dag_id=DEPLOYMENT_DAG,
        run_id=run_id,
        message="The rollback is queued; Airflow starts it.",
    )


@router.get("/validations", responses=failures(), dependencies=[Depends(may_see_validations)])
async def list_validations(
    request: Request,
    directory: Annotated[str | None, Query(max_length=4096)] = None,
    valid: bool | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Validations:
    """The validator's reports, newest first."""
    found, total = await stored_of(request)(
        lambda store: (
            store.validations.list(directory=directory, valid=valid, limit=limit, offset=offset),
            store.validations.count(directory=directory, valid=valid),
        )
    )
    rows = [ValidationRow(**_of_validation(one)) for one in found]
    return Validations(validations=rows, total=total, limit=limit, offset=offset)


@router.get("/validations/{validation_id}", responses=failures(404), dependencies=[Depends(may_see_validations)])
async def get_validation(request: Request, validation_id: str) -> Validation:
    """One report: its findings, the worst first, and what could not be checked."""
    try:
        found, report = await stored_of(request)(lambda store: store.validations.get(validation_id))
    except DeploymentNotFound:
        raise ApiError(404, "Validation not found") from None
    return Validation(
        **_of_validation(found),
        findings=_findings(report),
        ignored=list(report.get("ignored", ())),
        not_checked=list(report.get("not_checked", ())),
        report=report,
    )


def why_not_back(deployment: DeploymentRecord) -> str:
    """Why a deployment cannot be taken back, "" if it can."""
    if deployment.kind == "rotation":
        return "a rotation of secrets is not taken back"
    if deployment.status != "succeeded":
        return f"it is {deployment.status}, and only one that succeeded can be taken back"
    return "" if deployment.backup else "no backup of the state before it is known"


def rollback_conf(deployment: DeploymentRecord) -> dict[str, Any]:
    """The params of `dean_deployment` that take a deployment back."""
    return {"deployment": deployment.directory, "environment": deployment.environment, "rollback_to": deployment.id}


def deployment_row(deployment: DeploymentRecord) -> DeploymentRow:
    return DeploymentRow(**_fields(deployment))


def step_shown(step: DeploymentStep) -> Step:
    return Step(**{name: getattr(step, name) for name in Step.model_fields})


_SAME = tuple(name for name in DeploymentRow.model_fields if name != "deployment_id")


def _fields(deployment: DeploymentRecord) -> dict[str, Any]:
    return {"deployment_id": deployment.id, **{name: getattr(deployment, name) for name in _SAME}}


def _read(store: Store, deployment: DeploymentRecord) -> dict[str, Any]:
    services = store.deployments.services(deployment.id)
    journal = store.deployment_steps.since(deployment.id, 0, STEPS_SHOWN)
    validation = store.validations.of_deployment(deployment.id)
    return {
        "services": [
            ServiceOfDeployment(**{name: getattr(one, name) for name in ServiceOfDeployment.model_fields})
            for one in services
        ],
        "steps": [step_shown(step) for step in journal],
        "newest": store.deployment_steps.newest([deployment.id]).get(deployment.id, 0),
        "validation": None if validation is None else _own_validation(*validation),
    }


def _own_validation(found: StoredValidation, report: dict[str, Any]) -> ValidationOfDeployment:
    return ValidationOfDeployment(
        id=found.id,
        valid=found.valid,
        summary=found.summary,
        findings=_findings(report),
        not_checked=list(report.get("not_checked", ())),
        at=found.at,
    )


def _findings(report: dict[str, Any]) -> list[FindingShown]:
    return [
        FindingShown(**{name: one[name] for name in FindingShown.model_fields if name in one})
        for one in report.get("findings", ())
    ]


def _of_validation(found: StoredValidation) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ValidationRow.model_fields}
