"""Changes: what became of trials and alerts, in the order it was committed; written by the database itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dean_airflow.store.change_models import ChangeHeadRow, ChangeRow
from dean_airflow.store.database import Database


@dataclass(frozen=True)
class Change:
    """`sequence` counts 1, 2, 3, … within the topic. `subject` is the id of what changed.

    `kind` of a trial: the status it came to, `progress`, or `removed`; of an alert: the state it came to, `changed`,
    `removed`, or `silence` where the subject is one. `dag_id` is that of the trial's run, None if it has none.
    """

    sequence: int
    subject: str
    kind: str
    dag_id: str | None


class Changes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, topic: str) -> int:
        """The number of the newest change of a topic, 0 before the first."""
        return self._database.read(lambda session: change_head(session, topic))

    def between(self, topic: str, after: int, until: int, limit: int) -> list[Change] | None:
        """The changes `after` < sequence ≤ `until`, in order; None where they are more than `limit`, or where the first
        of them are not kept any more.
        """
        if until - after > limit:
            return None
        statement = (
            select(ChangeRow.sequence, ChangeRow.subject, ChangeRow.kind, ChangeRow.dag_id)
            .where(ChangeRow.topic == topic, ChangeRow.sequence > after, ChangeRow.sequence <= until)
            .order_by(ChangeRow.sequence)
        )
        found = self._database.read(lambda session: [Change(*row) for row in session.execute(statement)])
        return found if len(found) == until - after else None


def change_head(session: Session, topic: str) -> int:
    return session.scalar(select(ChangeHeadRow.sequence).where(ChangeHeadRow.topic == topic)) or 0


def last_change(session: Session, topic: str, subject: str) -> int:
    """The number of the newest change of one subject, 0 if none is kept."""
    statement = select(func.max(ChangeRow.sequence)).where(ChangeRow.topic == topic, ChangeRow.subject == subject)
    return session.scalar(statement) or 0
