"""Trials: what was asked, how far each is, how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dean_airflow.errors import IllegalTransition, TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.fence import FINAL, UNDER_WAY, Held, require_lease
from dean_airflow.store.models import TrialRow

log = logging.getLogger(__name__)

_STOPPED = {"failed", "cancelled"}
_NEXT = {
    "pending": {"initializing"} | _STOPPED,
    "initializing": {"running"} | _STOPPED,
    "running": {"monitoring", "completed"} | _STOPPED,
    "monitoring": {"completed"} | _STOPPED,
    "completed": set[str](),
    "failed": set[str](),
    "cancelled": set[str](),
}
_LOCK: dict[str, Any] = {"key_share": True}  # other tables' rows may still be added for the trial meanwhile
_CHANGEABLE = {"target", "config", "outcome", "stop_reason", "error", "result", "dag_id", "run_id"}


@dataclass(frozen=True)
class Trial:
    """One trial as it was when read. `improvements[g]` is the gain in best fitness in generation g + 1.

    `attempt` counts from 1 and grows when a new Airflow attempt takes a stopped trial up again; `outcome` is
    improved or no_improvement, None unless the status is completed.
    """

    id: str
    repository: str
    config: dict[str, Any]
    target: dict[str, Any] | None
    status: str
    outcome: str | None
    stop_reason: str | None
    attempt: int
    execution: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    current_generation: int
    best_fitness: float
    improvements: list[float]
    dag_id: str | None
    run_id: str | None
    error: str | None
    result: dict[str, Any] | None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class Trials:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def create(
        self,
        trial_id: str,
        config: dict[str, Any],
        target: dict[str, Any] | None = None,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        execution: str = "",
    ) -> Trial:
        """The trial of this id, made pending if there is none; `config` must name the `repository`.

        A failed or cancelled one goes back to initializing with `attempt` + 1; one under way or completed stays as it
        is. `execution` names the Airflow attempt that asks (empty: always a new one): an attempt under which
        the trial was stopped does not take it up again, so that a task outliving its cancellation changes nothing.
        """

        def work(session: Session) -> Trial:
            row = session.get(TrialRow, trial_id, with_for_update=_LOCK)
            now = self._now()
            if row is None:
                row = TrialRow(
                    id=trial_id,
                    repository=str(config["repository"]),
                    config=config,
                    target=target,
                    status="pending",
                    attempt=1,
                    execution=execution,
                    created_at=now,
                    updated_at=now,
                    current_generation=0,
                    best_fitness=0.0,
                    improvements=[],
                    dag_id=dag_id,
                    run_id=run_id,
                )
                session.add(row)
                session.flush()
            else:
                _take_up(row, execution, now)
            return read_trial(row)

        return self._database.write(work)

    def reopen(self, trial_id: str, *, execution: str = "") -> Trial:
        """As `create` for a trial that exists. Raises TrialNotFound."""

        def work(session: Session) -> Trial:
            row = _row(session, trial_id)
            _take_up(row, execution, self._now())
            return read_trial(row)

        return self._database.write(work)

    def get(self, trial_id: str) -> Trial:
        """Raises TrialNotFound."""
        return self._database.read(lambda session: read_trial(_row(session, trial_id, lock=False)))

    def find(self, trial_id: str) -> Trial | None:
        """As `get`, and None where there is none."""

        def work(session: Session) -> Trial | None:
            row = session.get(TrialRow, trial_id)
            return None if row is None else read_trial(row)

        return self._database.read(work)

    def of_run(self, dag_id: str, run_id: str) -> Trial | None:
        """The newest trial that a run of Airflow's worked on, or None."""
        statement = (
            select(TrialRow)
            .where(TrialRow.dag_id == dag_id, TrialRow.run_id == run_id)
            .order_by(TrialRow.created_at.desc())
            .limit(1)
        )

        def work(session: Session) -> Trial | None:
            row = session.scalar(statement)
            return None if row is None else read_trial(row)

        return self._database.read(work)

    def list(
        self, *, repository: str | None = None, status: str | None = None, limit: int = 100, offset: int = 0
    ) -> Sequence[Trial]:
        """Newest first; `limit` 1..1000, `offset` from 0 (else ValueError)."""
        if not 1 <= limit <= 1000 or offset < 0:
            raise ValueError("limit must be 1..1000 and offset at least 0")
        statement = _filtered(select(TrialRow), repository, status)
        statement = statement.order_by(TrialRow.created_at.desc(), TrialRow.id).limit(limit).offset(offset)
        return self._database.read(lambda session: [read_trial(row) for row in session.scalars(statement)])

    def count(self, *, repository: str | None = None, status: str | None = None) -> int:
        statement = _filtered(select(func.count()).select_from(TrialRow), repository, status)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def under_way(self) -> int:
        """How many are not final."""
        statement = select(func.count()).select_from(TrialRow).where(TrialRow.status.in_(UNDER_WAY))
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def transition(self, trial_id: str, status: str, **changes: Any) -> Trial:
        """The trial after its status changed, with the other columns `changes` names.

        Asking for the status it already has changes nothing, so a repeated call is harmless. Raises TrialNotFound,
        IllegalTransition (which is also logged), TypeError for a column that is not the caller's to set.
        """
        _check_changes(changes)

        def work(session: Session) -> Trial:
            row = _row(session, trial_id)
            if status == row.status:
                return read_trial(row)
            if status not in _NEXT[row.status]:
                raise IllegalTransition(f"Trial {trial_id} is {row.status} and cannot become {status}.")
            now = self._now()
            row.status = status
            _apply(row, changes, now)
            if status == "initializing" and row.started_at is None:
                row.started_at = now
            if status in FINAL:
                row.completed_at = now
            return read_trial(row)

        try:
            return self._database.write(work)
        except IllegalTransition as refused:
            log.warning("refused: %s", refused)
            raise

    def update(self, trial_id: str, **changes: Any) -> Trial:
        """The trial after columns other than its status changed. Raises TrialNotFound; TypeError as `transition`."""
        _check_changes(changes)

        def work(session: Session) -> Trial:
            row = _row(session, trial_id)
            _apply(row, changes, self._now())
            return read_trial(row)

        return self._database.write(work)

    def progress(self, lease: Held, generation: int, best_fitness: float) -> Trial:
        """An island finished `generation` (from 1) with this best fitness (0..1); islands may report in any order.

        The trial keeps the highest of both, and the gain under that generation, so that the sum of `improvements` is
        `best_fitness`. Raises TrialNotFound, TrialCancelled, LeaseLost.
        """

        def work(session: Session) -> Trial:
            row = _row(session, lease.trial_id)  # first the stronger lock: see fence.py
            require_lease(session, lease)
            place = max(generation, 1) - 1
            gains = row.improvements + [0.0] * (place + 1 - len(row.improvements))
            gains[place] += max(0.0, best_fitness - row.best_fitness)
            row.improvements = gains
            row.best_fitness = max(row.best_fitness, best_fitness)
            row.current_generation = max(row.current_generation, generation)
            row.updated_at = self._now()
            return read_trial(row)

        return self._database.write(work)


def _row(session: Session, trial_id: str, lock: bool = True) -> TrialRow:
    row = session.get(TrialRow, trial_id, with_for_update=_LOCK if lock else None)
    if row is None:
        raise TrialNotFound(f"There is no trial {trial_id} in this store.")
    return row


def _take_up(row: TrialRow, execution: str, now: datetime) -> None:
    """Back to work if it was stopped, and by another Airflow attempt than this one."""
    if row.status == "completed" or (execution and execution == row.execution):
        return
    if row.status in _STOPPED:
        row.status = "initializing"
        row.attempt += 1
        row.completed_at = row.stop_reason = row.error = row.result = None
        row.started_at = row.started_at or now
    row.execution = execution or row.execution
    row.updated_at = now


def _check_changes(changes: dict[str, Any]) -> None:
    if wrong := sorted(set(changes) - _CHANGEABLE):
        raise TypeError(f"not a column a caller may set on a trial: {', '.join(wrong)}")


def _apply(row: TrialRow, changes: dict[str, Any], now: datetime) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.updated_at = now


def _filtered(statement: Select[Any], repository: str | None, status: str | None) -> Select[Any]:
    if repository is not None:
        statement = statement.where(TrialRow.repository == repository)
    if status is not None:
        statement = statement.where(TrialRow.status == status)
    return statement


_NAMES = [field.name for field in fields(Trial)]


def read_trial(row: TrialRow) -> Trial:
    return Trial(**{name: getattr(row, name) for name in _NAMES})
