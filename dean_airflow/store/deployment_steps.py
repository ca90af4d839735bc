"""The journal of deployments: what is about to be done, and what came of it; appended, never changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dean_airflow.errors import DeploymentNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.deployment_locks import DeploymentLock, require_lock
from dean_airflow.store.deployment_models import DeploymentRow, DeploymentStepRow


@dataclass(frozen=True)
class DeploymentStep:
    """`sequence` counts 1, 2, 3, … within the deployment; `service` is empty for what concerns all of it.

    `state`: intent (about to be done), done, failed, or compensated (taken back).
    """

    deployment_id: str
    sequence: int
    attempt: int
    service: str
    action: str
    state: str
    data: dict[str, Any]
    at: datetime


class DeploymentSteps:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def append(
        self,
        lock: DeploymentLock,
        deployment_id: str,
        action: str,
        state: str,
        *,
        service: str = "",
        data: dict[str, Any] | None = None,
        attempt: int | None = None,
    ) -> DeploymentStep:
        """The line, with its number; of the deployment's present attempt, unless another is named.

        Raises DeploymentNotFound, DeploymentLockLost.
        """

        def work(session: Session) -> DeploymentStep:
            require_lock(session, lock)
            statement = select(DeploymentRow.attempt).where(DeploymentRow.id == deployment_id)
            present = session.scalar(statement.with_for_update(key_share=True))
            if present is None:
                raise DeploymentNotFound(f"There is no deployment {deployment_id} in this store.")
            last = session.scalar(
                select(func.max(DeploymentStepRow.sequence)).where(DeploymentStepRow.deployment_id == deployment_id)
            )
            row = DeploymentStepRow(
                deployment_id=deployment_id,
                sequence=(last or 0) + 1,
                attempt=attempt or present,
                service=service,
                action=action,
                state=state,
                data=data or {},
                at=self._now(),
            )
            session.add(row)
            return _read(row)

        return self._database.write(work)

    def since(self, deployment_id: str, after: int = 0, limit: int = 1000) -> list[DeploymentStep]:
        """At most `limit` lines with a sequence above `after`, in order."""
        statement = (
            select(DeploymentStepRow)
            .where(DeploymentStepRow.deployment_id == deployment_id, DeploymentStepRow.sequence > after)
            .order_by(DeploymentStepRow.sequence)
            .limit(limit)
        )
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def of_attempt(self, deployment_id: str, attempt: int) -> list[DeploymentStep]:
        """Every line of one attempt, in order."""
        statement = (
            select(DeploymentStepRow)
            .where(DeploymentStepRow.deployment_id == deployment_id, DeploymentStepRow.attempt == attempt)
            .order_by(DeploymentStepRow.sequence)
        )
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def newest(self, deployment_ids: Sequence[str]) -> dict[str, int]:
        """The number of the newest line of each of the deployments that has any."""
        if not deployment_ids:
            return {}
        statement = (
            select(DeploymentStepRow.deployment_id, func.max(DeploymentStepRow.sequence))
            .where(DeploymentStepRow.deployment_id.in_(deployment_ids))
            .group_by(DeploymentStepRow.deployment_id)
        )
        return self._database.read(lambda session: {row[0]: row[1] for row in session.execute(statement)})


def _read(row: DeploymentStepRow) -> DeploymentStep:
    return DeploymentStep(
        row.deployment_id, row.sequence, row.attempt, row.service, row.action, row.state, row.data, row.at
    )
