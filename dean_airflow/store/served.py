"""Trials that servers were asked for: which server is at which, and which are still to be ended properly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.fence import FINAL, UNDER_WAY
from dean_airflow.store.models import TrialRow
from dean_airflow.store.server_models import ServedTrialRow


@dataclass(frozen=True)
class ServedTrial:
    """`request` is the body it was started with. `deaths` counts how often its process ended before the trial did."""

    trial_id: str
    request: dict[str, Any]
    asked_by: str
    holder: str
    deaths: int
    closed: bool


class ServedTrials:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def create(
        self,
        trial_id: str,
        config: dict[str, Any],
        request: dict[str, Any],
        *,
        asked_by: str,
        execution: str,
        dag_run: tuple[str, str] | None = None,
    ) -> None:
        """A trial, initializing, and that a server is to run it: both or neither. `config` is a TrialConfig's.

        With a `dag_run` (DAG id and run id) that run carries it out, and no server. `execution` is the attempt it is to
        be run under, so that once cancelled it stays so. Repeating it is harmless.
        """

        def work(session: Session) -> None:
            if session.get(ServedTrialRow, trial_id) is not None:
                return
            now = self._now()
            session.add(
                TrialRow(
                    id=trial_id,
                    repository=str(config["repository"]),
                    config=config,
                    status="initializing",
                    attempt=1,
                    execution=execution,
                    created_at=now,
                    updated_at=now,
                    started_at=now,
                    current_generation=0,
                    best_fitness=0.0,
                    improvements=[],
                    dag_id=dag_run[0] if dag_run else None,
                    run_id=dag_run[1] if dag_run else None,
                )
            )
            session.flush()
            row = ServedTrialRow(trial_id=trial_id, request=request, asked_by=asked_by, closed=dag_run is not None)
            session.add(row)

        self._database.write(work)

    def get(self, trial_id: str) -> ServedTrial | None:
        return self._database.read(lambda session: _or_none(session.get(ServedTrialRow, trial_id)))

    def claim(self, holder: str, limit: int, life: timedelta, *, ended: bool = False) -> list[ServedTrial]:
        """At most `limit` trials that no living server holds and that are not closed, oldest first, now this one's.

        Those that are still to be run, or those that have `ended` and are only to be closed.
        """

        def work(session: Session) -> list[ServedTrial]:
            now = self._now()
            free = or_(ServedTrialRow.held_until.is_(None), ServedTrialRow.held_until <= now)
            statement = (
                select(ServedTrialRow)
                .join(TrialRow, TrialRow.id == ServedTrialRow.trial_id)
                .where(ServedTrialRow.closed.is_(False), free)
                .where(TrialRow.status.in_(FINAL) if ended else TrialRow.status.in_(UNDER_WAY))
                .order_by(TrialRow.created_at, TrialRow.id)
                .limit(limit)
                .with_for_update(of=ServedTrialRow, skip_locked=True)
            )
            rows = list(session.scalars(statement))
            for row in rows:
                row.holder, row.held_until = holder, now + life
            return [_read(row) for row in rows]

        return self._database.write(work) if limit > 0 else []

    def renew(self, holder: str, trial_ids: list[str], life: timedelta) -> list[str]:
        """Those of the trials that are still this server's, now held for `life` more."""

        def work(session: Session) -> list[str]:
            statement = select(ServedTrialRow).where(ServedTrialRow.trial_id.in_(trial_ids)).with_for_update()
            rows = [row for row in session.scalars(statement) if row.holder == holder]
            for row in rows:
                row.held_until = self._now() + life
            return [row.trial_id for row in rows]

        return self._database.write(work) if trial_ids else []

    def release(self, holder: str, trial_id: str, *, died: bool = False, closed: bool = False) -> None:
        """Gives a trial back: for another server to take up, or `closed`, for none. `died` counts one more death."""

        def work(session: Session) -> None:
            row = session.get(ServedTrialRow, trial_id, with_for_update=True)
            if row is None or row.holder != holder:
                return
            row.holder, row.held_until = "", None
            row.closed = row.closed or closed
            row.deaths += died

        self._database.write(work)

    def waiting(self) -> int:
        """How many trials are neither closed nor final: at work, or waiting for a server."""
        statement = (
            select(ServedTrialRow.trial_id)
            .join(TrialRow, TrialRow.id == ServedTrialRow.trial_id)
            .where(ServedTrialRow.closed.is_(False), TrialRow.status.not_in(FINAL))
        )
        return self._database.read(lambda session: len(session.scalars(statement).all()))

    def require(self, trial_id: str) -> ServedTrial:
        """As `get`. Raises TrialNotFound."""
        found = self.get(trial_id)
        if found is None:
            raise TrialNotFound(f"No server was asked for the trial {trial_id}.")
        return found


_NAMES = [field.name for field in fields(ServedTrial)]


def _or_none(row: ServedTrialRow | None) -> ServedTrial | None:
    return None if row is None else _read(row)


def _read(row: ServedTrialRow) -> ServedTrial:
    return ServedTrial(**{name: getattr(row, name) for name in _NAMES})
