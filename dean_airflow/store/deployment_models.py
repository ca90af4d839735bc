"""The tables of deployments: what was asked, each step, what runs where, who may write, and reports of the validator.

A `place` is one deployment directory on one machine, as 16 hex digits; `deployment/site.py` makes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import Json, SafeText, UtcDateTime
from dean_airflow.store.models import NAME_LENGTH, Base, Id

_DEPLOYMENT_STATES = (
    "status IN ('pending','validating','deploying','verifying','succeeded','rolling_back','rolled_back','failed')"
)
_SERVICE_STATES = "state IN ('pending','deploying','deployed','unchanged','rolled_back','rollback_failed','failed')"


class DeploymentRow(Base):
    """One deployment or named rollback: what was asked, how far it is, how it ended."""

    __tablename__ = "dean_deployments"
    __table_args__ = (
        CheckConstraint(_DEPLOYMENT_STATES, name="status"),
        Index(None, "place", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    place: Mapped[str] = mapped_column(Id)
    host: Mapped[str] = mapped_column(SafeText)
    directory: Mapped[str] = mapped_column(SafeText)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    environment: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    strategy: Mapped[str] = mapped_column(String(16))
    backend: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    requested_by: Mapped[str] = mapped_column(SafeText)
    dag_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    run_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    attempt: Mapped[int]
    execution: Mapped[str] = mapped_column(SafeText)
    request: Mapped[dict[str, Any]] = mapped_column(Json)
    backup: Mapped[str | None] = mapped_column(SafeText)
    error: Mapped[str | None] = mapped_column(SafeText)
    report: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeploymentServiceRow(Base):
    """A service of a deployment, in the order it is rolled out: from which release to which, and how that went."""

    __tablename__ = "dean_deployment_services"
    __table_args__ = (CheckConstraint(_SERVICE_STATES, name="state"),)

    deployment_id: Mapped[str] = mapped_column(
        Id, ForeignKey("dean_deployments.id", ondelete="CASCADE"), primary_key=True
    )
    service: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    position: Mapped[int]
    release: Mapped[str | None] = mapped_column(String(64))
    previous_release: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    health: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(SafeText)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeploymentStepRow(Base):
    """A line of a deployment's journal; appended, never changed."""

    __tablename__ = "dean_deployment_steps"
    __table_args__ = (CheckConstraint("state IN ('intent','done','failed','compensated')", name="state"),)

    deployment_id: Mapped[str] = mapped_column(
        Id, ForeignKey("dean_deployments.id", ondelete="CASCADE"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int]
    service: Mapped[str] = mapped_column(String(NAME_LENGTH))
    action: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReleaseRow(Base):
    """What runs of a service at a place, and what ran before."""

    __tablename__ = "dean_releases"

    place: Mapped[str] = mapped_column(Id, primary_key=True)
    service: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    directory: Mapped[str] = mapped_column(SafeText)
    release: Mapped[str] = mapped_column(String(64))
    previous_release: Mapped[str | None] = mapped_column(String(64))
    deployment_id: Mapped[str] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class DeploymentLockRow(Base):
    """Who may deploy at a place. The token grows with each acquisition, and so fences whoever had it before."""

    __tablename__ = "dean_deployment_locks"

    place: Mapped[str] = mapped_column(Id, primary_key=True)
    token: Mapped[int]
    owner: Mapped[str] = mapped_column(SafeText)
    acquired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released: Mapped[bool]


class ValidationRow(Base):
    """A report of the validator."""

    __tablename__ = "dean_validations"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    directory: Mapped[str] = mapped_column(SafeText)
    environment: Mapped[str] = mapped_column(String(16))
    valid: Mapped[bool]
    summary: Mapped[str] = mapped_column(SafeText)
    errors: Mapped[int]
    warnings: Mapped[int]
    deployment_id: Mapped[str | None] = mapped_column(Id)
    report: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
