"""Deployments as a page lists them: none but those of the DAGs that its reader may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.deployment_models import DeploymentRow
from dean_airflow.store.deployments import DeploymentRecord, read_deployment


class DeploymentPages:
    def __init__(self, database: Database) -> None:
        self._database = database

    def dags(self) -> set[str | None]:
        """The DAGs that deployments in this store belong to."""
        statement = select(DeploymentRow.dag_id).distinct()
        return self._database.read(lambda session: set(session.scalars(statement)))

    def find(self, deployment_id: str) -> DeploymentRecord | None:
        def work(session: Session) -> DeploymentRecord | None:
            row = session.get(DeploymentRow, deployment_id)
            return None if row is None else read_deployment(row)

        return self._database.read(work)

    def page(
        self,
        dags: Collection[str | None],
        *,
        statuses: Collection[str] = (),
        directory: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[Sequence[DeploymentRecord], int]:
        """The deployments of one page, newest first, and how many there are in all."""
        conditions = [_of_dags(dags)]
        if statuses:
            conditions.append(DeploymentRow.status.in_(statuses))
        if directory is not None:
            conditions.append(DeploymentRow.directory == directory)
        rows = select(DeploymentRow).where(*conditions).order_by(DeploymentRow.created_at.desc(), DeploymentRow.id)
        count = select(func.count()).select_from(DeploymentRow).where(*conditions)

        def work(session: Session) -> tuple[list[DeploymentRecord], int]:
            found = [read_deployment(row) for row in session.scalars(rows.limit(limit).offset(offset))]
            return found, session.scalar(count) or 0

        return self._database.read(work)


def _of_dags(dags: Collection[str | None]) -> ColumnElement[bool]:
    named = DeploymentRow.dag_id.in_([dag for dag in dags if dag is not None])
    return or_(named, DeploymentRow.dag_id.is_(None)) if None in dags else named
