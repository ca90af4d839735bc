"""Alerts: every alert's state. One evaluation of the rules reads and changes them in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from dean_airflow.store.alert_models import AlertClockRow, AlertNoticeRow, AlertRow
from dean_airflow.store.alert_notices import Notice, insert_notices
from dean_airflow.store.database import Database
from dean_airflow.store.silences import Silence, silences_in_force

T = TypeVar("T")

State = Literal["pending", "firing", "resolved"]

KEEP_RESOLVED = timedelta(days=7)
KEEP_NOTICES = timedelta(days=30)


@dataclass(frozen=True)
class AlertRecord:
    """One alert. `labels` has its name and severity, too.

    `held_ms`: for how long its condition was seen to hold. `kept_ms`: for how long it has gone on firing although the
    condition does not hold any more; None while it holds. `notified`: the state last put in a notice ("" for none).
    `muted_by`: the silence, or the alert that inhibits it, "" if neither.
    """

    fingerprint: str
    rule: str
    labels: dict[str, str]
    severity: str
    message: str
    state: State
    value: float | None
    active_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    updated_at: datetime
    held_ms: int = 0
    kept_ms: int | None = None
    notified: str = ""
    muted_by: str = ""

    @property
    def changed_at(self) -> datetime:
        """When it came into its state."""
        if self.state == "resolved":
            return self.resolved_at or self.updated_at
        return (self.fired_at if self.state == "firing" else self.active_at) or self.active_at


@dataclass(frozen=True)
class AlertClock:
    """When rules were last evaluated; since when time goes on without gap or jump; and, where the clock was set back,
    the latest time of which there may be samples from before that.
    """

    evaluated_at: datetime
    steady_from: datetime
    mixed_until: datetime | None


@dataclass
class AlertBook:
    """What an evaluation reads and changes. `recent_notices` counts those of the last hour by fingerprint."""

    alerts: dict[str, AlertRecord]
    clock: AlertClock | None
    silences: list[Silence]
    recent_notices: dict[str, int]
    notices: list[Notice] = field(default_factory=list)


class Alerts:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def transact(self, now: datetime, work: Callable[[AlertBook], T]) -> T:
        """`work`'s result, after the changes it made to the book at time `now` are committed; all of them or none.

        Evaluations wait for one another. `work` may run twice after a lost connection. What has been resolved for
        a week, and notices of a month ago, go at the same time. Raises StoreError.
        """

        def attempt(session: Session) -> T:
            clock = _lock_clock(session, now)
            before = {row.fingerprint: _read(row) for row in session.scalars(select(AlertRow))}
            book = AlertBook(
                alerts=dict(before),
                clock=clock,
                silences=silences_in_force(session, now),
                recent_notices=_recent_notices(session, now),
            )
            result = work(book)
            _write_alerts(session, before, book.alerts)
            _write_clock(session, book.clock)
            insert_notices(session, book.notices)
            _forget(session, now)
            return result

        return self._database.write(attempt)

    def list(self, states: Iterable[State] = ("pending", "firing")) -> list[AlertRecord]:
        """The alerts in these states, the worst first, then the newest."""
        statement = select(AlertRow).where(AlertRow.state.in_(tuple(states)))
        found = self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])
        order = {"firing": 0, "pending": 1, "resolved": 2}
        severe = {"critical": 0, "error": 1, "warning": 2, "info": 3}
        return sorted(
            found,
            key=lambda alert: (
                order[alert.state], severe.get(alert.severity, 4), -alert.changed_at.timestamp(), alert.rule,
                sorted(alert.labels.items()),
            ),
        )  # fmt: skip

    def clock(self) -> AlertClock | None:
        """When rules were last evaluated; None before the first time."""
        return self._database.read(_read_clock)


def _lock_clock(session: Session, now: datetime) -> AlertClock | None:
    """The row also serves as the lock of evaluations."""
    row = session.get(AlertClockRow, 1, with_for_update=True)
    if row is not None:
        return AlertClock(row.evaluated_at, row.steady_from, row.mixed_until)
    session.add(AlertClockRow(id=1, evaluated_at=now, steady_from=now))
    session.flush()  # of two first evaluations one meets the other's row, and begins again
    return None


def _read_clock(session: Session) -> AlertClock | None:
    row = session.get(AlertClockRow, 1)
    return None if row is None else AlertClock(row.evaluated_at, row.steady_from, row.mixed_until)


def _write_clock(session: Session, clock: AlertClock | None) -> None:
    if clock is not None:
        session.merge(AlertClockRow(id=1, **asdict(clock)))


def _write_alerts(session: Session, before: dict[str, AlertRecord], after: dict[str, AlertRecord]) -> None:
    """In three statements, however many alerts a trouble makes at a time."""
    gone = before.keys() - after.keys()
    new = [asdict(after[fingerprint]) for fingerprint in after.keys() - before.keys()]
    changed = [asdict(after[one]) for one in after.keys() & before.keys() if after[one] != before[one]]
    if gone:
        session.execute(delete(AlertRow).where(AlertRow.fingerprint.in_(gone)))
    if new:
        session.execute(insert(AlertRow), new)
    if changed:
        session.execute(update(AlertRow), changed)


def _recent_notices(session: Session, now: datetime) -> dict[str, int]:
    statement = (
        select(AlertNoticeRow.fingerprint, func.count())
        .where(AlertNoticeRow.created_at > now - timedelta(hours=1), AlertNoticeRow.created_at <= now)
        .group_by(AlertNoticeRow.fingerprint)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def _forget(session: Session, now: datetime) -> None:
    session.execute(delete(AlertRow).where(AlertRow.state == "resolved", AlertRow.updated_at < now - KEEP_RESOLVED))
    session.execute(
        delete(AlertNoticeRow).where(
            AlertNoticeRow.closed_at.is_not(None), AlertNoticeRow.created_at < now - KEEP_NOTICES
        )
    )


def _read(row: AlertRow) -> AlertRecord:
    return AlertRecord(
        fingerprint=row.fingerprint,
        rule=row.rule,
        labels=row.labels,
        severity=row.severity,
        message=row.message,
        state=row.state,  # type: ignore[arg-type]  # the table's own check holds it
        value=row.value,
        active_at=row.active_at,
        fired_at=row.fired_at,
        resolved_at=row.resolved_at,
        updated_at=row.updated_at,
        held_ms=row.held_ms,
        kept_ms=row.kept_ms,
        notified=row.notified,
        muted_by=row.muted_by,
    )
