"""Deployments: what was asked, how far each is, how it ended. Their journal is in `deployment_steps`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, func, select
from sqlalchemy.orm import Session

from dean_airflow.errors import DeploymentNotFound, IllegalTransition
from dean_airflow.store.database import Database
from dean_airflow.store.deployment_locks import DeploymentLock, require_lock
from dean_airflow.store.deployment_models import DeploymentRow, DeploymentServiceRow, ReleaseRow

log = logging.getLogger(__name__)

FINAL = frozenset({"succeeded", "rolled_back", "failed"})
_NEXT = {
    "pending": {"validating"},
    "validating": {"deploying", "failed"},
    "deploying": {"verifying", "rolling_back"},
    "verifying": {"succeeded", "rolling_back"},
    "rolling_back": {"rolled_back", "failed"},
    "succeeded": set[str](),
    "rolled_back": set[str](),
    "failed": set[str](),
}
_CHANGEABLE = {"name", "backup", "error", "report", "strategy", "backend", "request"}


@dataclass(frozen=True)
class DeploymentRecord:
    """One deployment as it was when read.

    `kind` is deploy, rollback or rotation; `place` the directory on its machine; `attempt` counts from 1 and grows when
    a new attempt of Airflow takes up one that ended badly; `backup` names what was kept of the state before it.
    """

    id: str
    place: str
    host: str
    directory: str
    name: str
    environment: str
    kind: str
    strategy: str
    backend: str
    status: str
    requested_by: str
    dag_id: str | None
    run_id: str | None
    attempt: int
    request: dict[str, Any]
    backup: str | None
    error: str | None
    report: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class ServiceRecord:
    """A service of a deployment.

    `state`: pending, deploying, deployed, unchanged, failed, rolled_back or rollback_failed. `health` is what the
    verification saw last; `position` counts from 1 in the order of the roll-out.
    """

    deployment_id: str
    service: str
    position: int
    release: str | None
    previous_release: str | None
    state: str
    health: dict[str, Any] | None
    error: str | None
    updated_at: datetime


class Deployments:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def create(
        self,
        deployment_id: str,
        *,
        place: str,
        host: str,
        directory: str,
        name: str,
        environment: str,
        kind: str = "deploy",
        strategy: str = "recreate",
        backend: str = "process",
        requested_by: str = "",
        request: dict[str, Any] | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        execution: str = "",
    ) -> DeploymentRecord:
        """The deployment of this id, made pending if there is none.

        One that was rolled back or failed goes back to pending with `attempt` + 1 and this request; one under way or
        succeeded stays as it is. `execution` names the attempt of Airflow that asks (empty: always a new one): an
        attempt under which the deployment ended does not take it up again.
        """

        def work(session: Session) -> DeploymentRecord:
            row = session.get(DeploymentRow, deployment_id, with_for_update={"key_share": True})
            now = self._now()
            asked = {
                "name": name,
                "environment": environment,
                "strategy": strategy,
                "backend": backend,
                "request": request or {},
            }
            if row is None:
                row = DeploymentRow(
                    id=deployment_id,
                    place=place,
                    host=host,
                    directory=directory,
                    kind=kind,
                    status="pending",
                    requested_by=requested_by,
                    dag_id=dag_id,
                    run_id=run_id,
                    attempt=1,
                    execution=execution,
                    created_at=now,
                    updated_at=now,
                    **asked,
                )
                session.add(row)
            elif row.status in FINAL and row.status != "succeeded" and (not execution or execution != row.execution):
                row.status, row.attempt, row.updated_at = "pending", row.attempt + 1, now
                row.error = row.report = row.backup = row.completed_at = None
                row.execution = execution
                for column, value in asked.items():
                    setattr(row, column, value)
            session.flush()
            return read_deployment(row)

        return self._database.write(work)

    def get(self, deployment_id: str) -> DeploymentRecord:
        """Raises DeploymentNotFound."""
        return self._database.read(lambda session: read_deployment(_row(session, deployment_id)))

    def list(
        self,
        *,
        directory: str | None = None,
        place: str | None = None,
        status: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> Sequence[DeploymentRecord]:
        """Newest first; `limit` 1..1000, `offset` from 0 (else ValueError)."""
        if not 1 <= limit <= 1000 or offset < 0:
            raise ValueError("limit must be 1..1000 and offset at least 0")
        statement = _filtered(select(DeploymentRow), directory, place, status)
        statement = statement.order_by(DeploymentRow.created_at.desc(), DeploymentRow.id).limit(limit).offset(offset)
        return self._database.read(lambda session: [read_deployment(row) for row in session.scalars(statement)])

    def count(self, *, directory: str | None = None, place: str | None = None, status: str | None = None) -> int:
        statement = _filtered(select(func.count()).select_from(DeploymentRow), directory, place, status)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def unfinished(self, place: str) -> Sequence[DeploymentRecord]:
        """Those of a place that have not ended, oldest first: what a crash may have left."""
        statement = (
            select(DeploymentRow)
            .where(DeploymentRow.place == place, DeploymentRow.status.not_in(FINAL))
            .order_by(DeploymentRow.created_at, DeploymentRow.id)
        )
        return self._database.read(lambda session: [read_deployment(row) for row in session.scalars(statement)])

    def remove_old(self, keep: timedelta) -> int:
        """How many went, with their services and journals: those that ended longer than `keep` ago.

        What a place needs to go back from stays: whatever its present releases came with.
        """

        def work(session: Session) -> int:
            used = select(ReleaseRow.deployment_id)
            done = session.execute(
                delete(DeploymentRow).where(
                    DeploymentRow.status.in_(FINAL),
                    DeploymentRow.completed_at < self._now() - keep,
                    DeploymentRow.id.not_in(used),
                )
            )
            assert isinstance(done, CursorResult)
            return done.rowcount

        return self._database.write(work)

    def transition(self, lock: DeploymentLock, deployment_id: str, status: str, **changes: Any) -> DeploymentRecord:
        """The deployment after its status changed, with the other columns `changes` names.

        Asking for the status it already has changes nothing, so a repeated call is harmless. Raises
        DeploymentNotFound, DeploymentLockLost, IllegalTransition (which is also logged), TypeError for a column that
        is not the caller's to set.
        """
        _check_changes(changes)

        def work(session: Session) -> DeploymentRecord:
            require_lock(session, lock)
            row = _row(session, deployment_id, lock=True)
            if status == row.status:
                return read_deployment(row)
            if status not in _NEXT[row.status]:
                raise IllegalTransition(f"Deployment {deployment_id} is {row.status} and cannot become {status}.")
            row.status = status
            now = _apply(row, changes, self._now())
            if row.started_at is None:
                row.started_at = now
            if status in FINAL:
                row.completed_at = now
            return read_deployment(row)

        try:
            return self._database.write(work)
        except IllegalTransition as refused:
            log.warning("refused: %s", refused)
            raise

    def update(self, lock: DeploymentLock, deployment_id: str, **changes: Any) -> DeploymentRecord:
        """The deployment after columns other than its status changed. Raises as `transition`."""
        _check_changes(changes)

        def work(session: Session) -> DeploymentRecord:
            require_lock(session, lock)
            row = _row(session, deployment_id, lock=True)
            _apply(row, changes, self._now())
            return read_deployment(row)

        return self._database.write(work)

    def set_service(self, lock: DeploymentLock, deployment_id: str, service: str, **columns: Any) -> ServiceRecord:
        """A service of the deployment, made pending if it was not yet there; `columns` are those of ServiceRecord.

        Raises DeploymentNotFound, DeploymentLockLost.
        """

        def work(session: Session) -> ServiceRecord:
            require_lock(session, lock)
            _row(session, deployment_id, lock=True)
            row = session.get(DeploymentServiceRow, (deployment_id, service))
            if row is None:
                row = DeploymentServiceRow(deployment_id=deployment_id, service=service, position=0, state="pending")
                session.add(row)
            for name, value in columns.items():
                setattr(row, name, value)
            row.updated_at = self._now()
            session.flush()
            return _read_service(row)

        return self._database.write(work)

    def services(self, deployment_id: str) -> Sequence[ServiceRecord]:
        """The services of a deployment, in the order they are rolled out."""
        statement = (
            select(DeploymentServiceRow)
            .where(DeploymentServiceRow.deployment_id == deployment_id)
            .order_by(DeploymentServiceRow.position, DeploymentServiceRow.service)
        )
        return self._database.read(lambda session: [_read_service(row) for row in session.scalars(statement)])


def _row(session: Session, deployment_id: str, lock: bool = False) -> DeploymentRow:
    row = session.get(DeploymentRow, deployment_id, with_for_update={"key_share": True} if lock else None)
    if row is None:
        raise DeploymentNotFound(f"There is no deployment {deployment_id} in this store.")
    return row


def _check_changes(changes: dict[str, Any]) -> None:
    if wrong := sorted(set(changes) - _CHANGEABLE):
        raise TypeError(f"not a column a caller may set on a deployment: {', '.join(wrong)}")


def _apply(row: DeploymentRow, changes: dict[str, Any], now: datetime) -> datetime:
    for name, value in changes.items():
        setattr(row, name, value)
    row.updated_at = now
    return now


def _filtered(statement: Select[Any], directory: str | None, place: str | None, status: str | None) -> Select[Any]:
    if directory is not None:
        statement = statement.where(DeploymentRow.directory == directory)
    if place is not None:
        statement = statement.where(DeploymentRow.place == place)
    if status is not None:
        statement = statement.where(DeploymentRow.status == status)
    return statement


_NAMES = [field.name for field in fields(DeploymentRecord)]
_SERVICE_NAMES = [field.name for field in fields(ServiceRecord)]


def read_deployment(row: DeploymentRow) -> DeploymentRecord:
    return DeploymentRecord(**{name: getattr(row, name) for name in _NAMES})


def _read_service(row: DeploymentServiceRow) -> ServiceRecord:
    return ServiceRecord(**{name: getattr(row, name) for name in _SERVICE_NAMES})
