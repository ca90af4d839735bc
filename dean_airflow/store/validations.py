"""Reports of the validator, newest first; old ones go with the daily cleaning."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, func, select
from sqlalchemy.orm import Session

from dean_airflow.errors import DeploymentNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.deployment_models import ValidationRow

KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Validation:
    """A report without its contents: `errors` and `warnings` are how many; `deployment_id` where one asked for it."""

    id: str
    directory: str
    environment: str
    valid: bool
    summary: str
    errors: int
    warnings: int
    deployment_id: str | None
    at: datetime


class Validations:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def save(self, report: dict[str, Any], *, deployment_id: str | None = None) -> Validation:
        """Keeps the JSON form of a ValidationResult."""

        def work(session: Session) -> Validation:
            findings = report["findings"]
            row = ValidationRow(
                id="validation-" + secrets.token_hex(6),
                directory=report["directory"],
                environment=report["environment"],
                valid=report["valid"],
                summary=report["summary"],
                errors=sum(finding["severity"] == "error" for finding in findings),
                warnings=sum(finding["severity"] == "warning" for finding in findings),
                deployment_id=deployment_id,
                report=report,
                at=self._now(),
            )
            session.add(row)
            return _read(row)

        return self._database.write(work)

    def get(self, validation_id: str) -> tuple[Validation, dict[str, Any]]:
        """The report and its contents. Raises DeploymentNotFound."""

        def work(session: Session) -> tuple[Validation, dict[str, Any]]:
            row = session.get(ValidationRow, validation_id)
            if row is None:
                raise DeploymentNotFound(f"There is no validation {validation_id} in this store.")
            return _read(row), row.report

        return self._database.read(work)

    def of_deployment(self, deployment_id: str) -> tuple[Validation, dict[str, Any]] | None:
        """The newest report that a deployment asked for, with its contents; None without any."""
        statement = (
            select(ValidationRow)
            .where(ValidationRow.deployment_id == deployment_id)
            .order_by(ValidationRow.at.desc(), ValidationRow.id)
            .limit(1)
        )

        def work(session: Session) -> tuple[Validation, dict[str, Any]] | None:
            row = session.scalar(statement)
            return None if row is None else (_read(row), row.report)

        return self._database.read(work)

    def list(
        self, *, directory: str | None = None, valid: bool | None = None, limit: int = 100, offset: int = 0
    ) -> Sequence[Validation]:
        """Newest first; `limit` 1..1000, `offset` from 0 (else ValueError)."""
        if not 1 <= limit <= 1000 or offset < 0:
            raise ValueError("limit must be 1..1000 and offset at least 0")
        statement = _filtered(select(ValidationRow), directory, valid)
        statement = statement.order_by(ValidationRow.at.desc(), ValidationRow.id).limit(limit).offset(offset)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def count(self, *, directory: str | None = None, valid: bool | None = None) -> int:
        statement = _filtered(select(func.count()).select_from(ValidationRow), directory, valid)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def remove_old(self, keep: timedelta = KEPT) -> int:
        """How many reports older than `keep` went."""

        def work(session: Session) -> int:
            done = session.execute(delete(ValidationRow).where(ValidationRow.at < self._now() - keep))
            assert isinstance(done, CursorResult)
            return done.rowcount

        return self._database.write(work)


def _filtered(statement: Select[Any], directory: str | None, valid: bool | None) -> Select[Any]:
    if directory is not None:
        statement = statement.where(ValidationRow.directory == directory)
    if valid is not None:
        statement = statement.where(ValidationRow.valid.is_(valid))
    return statement


def _read(row: ValidationRow) -> Validation:
    return Validation(
        row.id,
        row.directory,
        row.environment,
        row.valid,
        row.summary,
        row.errors,
        row.warnings,
        row.deployment_id,
        row.at,
    )
