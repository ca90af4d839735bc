"""The check every write for an island makes, inside the transaction of that write.

Where PostgreSQL takes locks, the order is everywhere the same: the trial (whoever changes it takes its stronger lock
first), then the lease, then the rest; so nobody waits in a circle.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import LeaseLost, TrialCancelled, TrialNotFound
from dean_airflow.store.models import LeaseRow, TrialRow

FINAL = frozenset({"completed", "failed", "cancelled"})
UNDER_WAY = ("pending", "initializing", "running", "monitoring")


class Held(Protocol):
    """The part of a lease that proves who holds it."""

    @property
    def trial_id(self) -> str: ...
    @property
    def island(self) -> int: ...
    @property
    def token(self) -> int: ...


def require_live_trial(session: Session, trial_id: str) -> None:
    """Holds the trial's status still until the transaction ends. Raises TrialNotFound, TrialCancelled."""
    statement = select(TrialRow.status).where(TrialRow.id == trial_id).with_for_update(read=True)
    status = session.scalar(statement)
    if status is None:
        raise TrialNotFound(f"There is no trial {trial_id} in this store.")
    if status in FINAL:
        raise TrialCancelled(f"Trial {trial_id} is {status}; nothing more is written for it.")


def require_lease(session: Session, held: Held) -> LeaseRow:
    """The lease's row, held still until the transaction ends. Raises TrialNotFound, TrialCancelled, LeaseLost."""
    require_live_trial(session, held.trial_id)
    row = session.get(LeaseRow, (held.trial_id, held.island), with_for_update=True)
    if row is None or row.token != held.token or row.released:
        raise LeaseLost(
            f"Island {held.island} of trial {held.trial_id} was taken over by another attempt; this one stops."
        )
    return row
