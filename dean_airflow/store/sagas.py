"""Sagas: which steps at several services a trial has taken, written down before and after each.

One process works at a saga: opening it takes it over from whoever had it, who finds that out before its next write.
That is safe because every step has a key by which its effect is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import LeaseLost, TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.models import TrialRow
from dean_airflow.store.saga_models import SagaRow, SagaStepRow


@dataclass(frozen=True)
class SagaStep:
    """`state`: intended (begun, its result is unknown), done, undoing, undone, or undo_failed."""

    name: str
    key: str
    state: str
    outcome: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True)
class SagaRecord:
    """A saga as it was when read. `state`: running, completed, compensating or compensated.

    `attempt` counts from 1: a saga that was compensated is not run again, the trial's next one has another number, and
    so other keys. `token` is what a writer proves that nobody has taken over since.
    """

    trial_id: str
    attempt: int
    token: int
    state: str
    created_at: datetime
    steps: Sequence[SagaStep]

    def step(self, name: str) -> SagaStep | None:
        return next((step for step in self.steps if step.name == name), None)


class Sagas:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def open(self, trial_id: str) -> SagaRecord:
        """The trial's saga, taken over: its latest attempt, or a new one where that was compensated or none is there.

        Raises TrialNotFound.
        """

        def work(session: Session) -> SagaRecord:
            # The trial's row keeps two openings apart where there is no saga to lock yet.
            lock = select(TrialRow.id).where(TrialRow.id == trial_id).with_for_update(key_share=True)
            if session.scalar(lock) is None:
                raise TrialNotFound(f"There is no trial {trial_id} in this store.")
            row = _latest(session, trial_id, lock=True)
            now = self._now()
            if row is None or row.state == "compensated":
                attempt = 1 if row is None else row.attempt + 1
                row = SagaRow(trial_id=trial_id, attempt=attempt, token=0, state="running", created_at=now)
                session.add(row)
            row.token += 1
            row.updated_at = now
            session.flush()
            return _read(session, row)

        return self._database.write(work)

    def latest(self, trial_id: str) -> SagaRecord | None:
        """The trial's latest attempt, not taken over; None where it has none."""

        def work(session: Session) -> SagaRecord | None:
            row = _latest(session, trial_id)
            return None if row is None else _read(session, row)

        return self._database.read(work)

    def intend(self, held: SagaRecord, name: str, key: str) -> None:
        """A step is about to be taken. One that is on record stays as it is. Raises LeaseLost."""

        def work(session: Session) -> None:
            _require(session, held)
            if session.get(SagaStepRow, (held.trial_id, held.attempt, name)) is not None:
                return
            now = self._now()
            taken = select(SagaStepRow.sequence).where(
                SagaStepRow.trial_id == held.trial_id, SagaStepRow.attempt == held.attempt
            )
            session.add(
                SagaStepRow(
                    trial_id=held.trial_id,
                    attempt=held.attempt,
                    name=name,
                    sequence=len(session.scalars(taken).all()) + 1,
                    key=key,
                    state="intended",
                    intended_at=now,
                    updated_at=now,
                )
            )

        self._database.write(work)

    def record(
        self,
        held: SagaRecord,
        name: str,
        state: str,
        *,
        outcome: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """What came of an intended step; an earlier outcome stays unless there is a new one. Raises LeaseLost."""

        def work(session: Session) -> None:
            _require(session, held)
            row = session.get_one(SagaStepRow, (held.trial_id, held.attempt, name))
            row.state, row.error, row.updated_at = state, error, self._now()
            if outcome is not None:
                row.outcome = outcome

        self._database.write(work)

    def turn(self, held: SagaRecord, state: str) -> None:
        """The saga as a whole is now completed, compensating or compensated. Raises LeaseLost."""

        def work(session: Session) -> None:
            row = _require(session, held)
            row.state, row.updated_at = state, self._now()

        self._database.write(work)


def _latest(session: Session, trial_id: str, lock: bool = False) -> SagaRow | None:
    statement = select(SagaRow).where(SagaRow.trial_id == trial_id).order_by(SagaRow.attempt.desc()).limit(1)
    return session.scalar(statement.with_for_update() if lock else statement)


def _require(session: Session, held: SagaRecord) -> SagaRow:
    row = session.get(SagaRow, (held.trial_id, held.attempt), with_for_update=True)
    if row is None or row.token != held.token:
        raise LeaseLost(f"The services of trial {held.trial_id} are worked with by another attempt; this one stops.")
    return row


def _read(session: Session, row: SagaRow) -> SagaRecord:
    statement = (
        select(SagaStepRow)
        .where(SagaStepRow.trial_id == row.trial_id, SagaStepRow.attempt == row.attempt)
        .order_by(SagaStepRow.sequence)
    )
    steps = [SagaStep(one.name, one.key, one.state, one.outcome, one.error) for one in session.scalars(statement)]
    return SagaRecord(row.trial_id, row.attempt, row.token, row.state, row.created_at, tuple(steps))
