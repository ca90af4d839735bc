"""Documents: JSON values by trial and name, for what one stage of a trial leaves to the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.models import DocumentRow, TrialRow


class Documents:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def put(self, trial_id: str, name: str, value: Any) -> None:
        """Keeps a JSON value (not None) under `name` (≤ 128 characters), in place of an earlier one.

        Non-finite floats become null; a value JSON cannot hold is a TypeError. Raises TrialNotFound.
        """

        def work(session: Session) -> None:
            lock = select(TrialRow.id).where(TrialRow.id == trial_id).with_for_update(key_share=True)
            if session.scalar(lock) is None:
                raise TrialNotFound(f"There is no trial {trial_id} in this store.")
            session.merge(DocumentRow(trial_id=trial_id, name=name, value=value, updated_at=self._now()))

        self._database.write(work)

    def get(self, trial_id: str, name: str) -> Any:
        """The value, None if there is none."""
        statement = select(DocumentRow.value).where(DocumentRow.trial_id == trial_id, DocumentRow.name == name)
        return self._database.read(lambda session: session.scalar(statement))

    def names(self, trial_id: str) -> list[str]:
        statement = select(DocumentRow.name).where(DocumentRow.trial_id == trial_id).order_by(DocumentRow.name)
        return self._database.read(lambda session: list(session.scalars(statement)))
