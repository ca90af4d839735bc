"""What the routes of deployments and validations answer."""

from __future__ import annotations

from typing import Any

from dean_airflow.plugin.api.models import Model, Page
from dean_airflow.services.contract.base import UtcTime


class DeploymentRow(Model):
    """`kind` is deploy, rollback or rotation; `status` as the contract has it. `requested_by` is a user of Airflow."""

    deployment_id: str
    name: str
    directory: str
    host: str
    environment: str
    kind: str
    strategy: str
    backend: str
    status: str
    requested_by: str
    attempt: int
    created_at: UtcTime
    updated_at: UtcTime
    started_at: UtcTime | None
    completed_at: UtcTime | None
    dag_id: str | None
    run_id: str | None
    error: str | None


class Deployments(Page):
    deployments: list[DeploymentRow]


class ServiceOfDeployment(Model):
    """`health` is what the verification saw last."""

    service: str
    position: int
    release: str | None
    previous_release: str | None
    state: str
    health: dict[str, Any] | None
    error: str | None
    updated_at: UtcTime


class Step(Model):
    """A line of the journal: `state` is intent, done, failed or compensated; no `service`: it concerns all of it."""

    sequence: int
    attempt: int
    service: str
    action: str
    state: str
    data: dict[str, Any]
    at: UtcTime


class Steps(Model):
    """`newest` is the number of the last of them, 0 without any: where to go on from."""

    steps: list[Step]
    newest: int


class FindingPlace(Model):
    file: str
    line: int | None


class FindingShown(Model):
    id: str
    severity: str
    file: str
    line: int | None
    what: str
    why: str
    fix: str
    also: list[FindingPlace]


class MayOfDeployment(Model):
    roll_back: bool


class ValidationOfDeployment(Model):
    id: str
    valid: bool
    summary: str
    findings: list[FindingShown]
    not_checked: list[dict[str, Any]]
    at: UtcTime


class Deployment(DeploymentRow):
    """`validation` is the newest that it asked for. `steps` are the first 1,000; `newest` the last one's number."""

    backup: str | None
    request: dict[str, Any]
    report: dict[str, Any] | None
    services: list[ServiceOfDeployment]
    steps: list[Step]
    newest: int
    validation: ValidationOfDeployment | None
    may: MayOfDeployment


class ValidationRow(Model):
    id: str
    directory: str
    environment: str
    valid: bool
    summary: str
    errors: int
    warnings: int
    deployment_id: str | None
    at: UtcTime


class Validations(Page):
    validations: list[ValidationRow]


class Validation(ValidationRow):
    """`not_checked` names what could not be checked, and why; `report` is the whole of what the validator said."""

    findings: list[FindingShown]
    ignored: list[dict[str, Any]]
    not_checked: list[dict[str, Any]]
    report: dict[str, Any]


class RollbackStarted(Model):
    deployment_id: str
    dag_id: str
    run_id: str
    message: str
