"""Circuit breakers as all processes see them: read, and changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.store.circuit_models import CircuitRow
from dean_airflow.store.database import Database

CircuitState = Literal["closed", "open", "half_open"]

PATIENCE = 0.5
"""Seconds for which a locked or lost store is waited for: a call of a service does not wait for the store."""


@dataclass(frozen=True)
class Circuit:
    """`failures` and `successes` are consecutive ones; the probe is the one call that a half-open circuit lets through.

    `version` is 0 for one that is not in the store. The totals are those of all processes, as of their last report.
    """

    name: str
    url: str = ""
    state: CircuitState = "closed"
    failures: int = 0
    successes: int = 0
    opened_at: datetime | None = None
    probe_by: str | None = None
    probe_until: datetime | None = None
    last_failure: str | None = None
    last_failure_at: datetime | None = None
    version: int = 0
    changed_at: datetime | None = None
    succeeded_total: int = 0
    failed_total: int = 0
    rejected_total: int = 0
    failure_limit: int | None = None
    success_limit: int | None = None
    open_seconds: float | None = None


@dataclass(frozen=True)
class Tally:
    """Calls to add to the totals."""

    succeeded: int = 0
    failed: int = 0
    rejected: int = 0

    def __bool__(self) -> bool:
        return bool(self.succeeded or self.failed or self.rejected)


_STATE = (
    "url", "state", "failures", "successes", "opened_at", "probe_by", "probe_until", "last_failure", "last_failure_at",
)  # fmt: skip
_LIMITS = ("failure_limit", "success_limit", "open_seconds")
_TOTALS = ("succeeded_total", "failed_total", "rejected_total")


class Circuits:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def get(self, name: str) -> Circuit:
        """The circuit of that name; a closed one of version 0 where none is known."""
        return self._database.read(lambda session: _circuit(session.get(CircuitRow, name), name), patience=PATIENCE)

    def list(self) -> list[Circuit]:
        """All that are known, by name."""
        statement = select(CircuitRow).order_by(CircuitRow.name)
        return self._database.read(lambda session: [_circuit(row, row.name) for row in session.scalars(statement)])

    def put(self, circuit: Circuit, written_by: str, tally: Tally = Tally()) -> tuple[bool, Circuit]:
        """Writes a circuit that was read at `circuit.version`, and adds the tally to its totals.

        True and the circuit as written; or False and the circuit as it stands, where another one wrote first.
        `written_by` is unique to this change.
        """

        def work(session: Session) -> tuple[bool, Circuit]:
            row = session.get(CircuitRow, circuit.name, with_for_update=True)
            if row is not None and row.written_by == written_by:  # written already, before the connection was lost
                return True, _circuit(row, circuit.name)
            if (row.version if row is not None else 0) != circuit.version:
                return False, _circuit(row, circuit.name)
            row = row if row is not None else self._new_row(session, circuit.name)
            for name in _STATE:
                setattr(row, name, getattr(circuit, name))
            self._stamp(row, written_by)
            _add(row, tally)
            session.flush()
            return True, _circuit(row, circuit.name)

        return self._database.write(work, patience=PATIENCE)

    def add(self, tallies: Sequence[tuple[str, str, Tally]], written_by: str) -> None:
        """Adds to the totals of circuits, by name and URL; their states stay as they are."""

        def work(session: Session) -> None:
            for name, url, tally in sorted(tallies, key=lambda one: one[0]):  # in one order: no deadlock
                row = session.get(CircuitRow, name, with_for_update=True) or self._new_row(session, name)
                if row.written_by == written_by:
                    continue
                row.url = row.url or url
                self._stamp(row, written_by)
                _add(row, tally)

        self._database.write(work, patience=PATIENCE)

    def reset(self, name: str, written_by: str) -> bool:
        """Closes a circuit whatever its state; False where none of that name is known."""

        def work(session: Session) -> bool:
            row = session.get(CircuitRow, name, with_for_update=True)
            if row is None:
                return False
            fresh = Circuit(name, url=row.url, last_failure=row.last_failure, last_failure_at=row.last_failure_at)
            for field in _STATE:
                setattr(row, field, getattr(fresh, field))
            self._stamp(row, written_by)
            return True

        return self._database.write(work)

    def configure(
        self,
        name: str,
        written_by: str,
        *,
        failure_limit: int | None,
        success_limit: int | None,
        open_seconds: float | None,
    ) -> Circuit:
        """Sets the limits of a circuit, known or not; None gives a limit back to its endpoint."""

        def work(session: Session) -> Circuit:
            row = session.get(CircuitRow, name, with_for_update=True) or self._new_row(session, name)
            row.failure_limit, row.success_limit, row.open_seconds = failure_limit, success_limit, open_seconds
            self._stamp(row, written_by)
            session.flush()
            return _circuit(row, name)

        return self._database.write(work)

    def _new_row(self, session: Session, name: str) -> CircuitRow:
        fresh = Circuit(name)
        row = CircuitRow(name=name, version=0, written_by="", changed_at=self._now())
        for field in (*_STATE, *_TOTALS, *_LIMITS):
            setattr(row, field, getattr(fresh, field))
        session.add(row)
        return row

    def _stamp(self, row: CircuitRow, written_by: str) -> None:
        row.version += 1
        row.written_by, row.changed_at = written_by, self._now()


def _circuit(row: CircuitRow | None, name: str) -> Circuit:
    if row is None:
        return Circuit(name)
    fields = {field: getattr(row, field) for field in (*_STATE, *_TOTALS, *_LIMITS, "version", "changed_at")}
    return replace(Circuit(name), **fields)


def _add(row: CircuitRow, tally: Tally) -> None:
    row.succeeded_total += tally.succeeded
    row.failed_total += tally.failed
    row.rejected_total += tally.rejected
