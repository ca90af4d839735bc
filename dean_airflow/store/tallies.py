"""Tallies: numbers by name that outlive the rows they counted. Used within the transaction that changes those rows."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.store.metric_models import TallyRow

NEWEST_SAMPLE = "newest_sample"
"""The time, in ms, of the newest sample that was packed."""


def tally(session: Session, name: str) -> int | None:
    return session.scalar(select(TallyRow.value).where(TallyRow.name == name))


def set_tally(session: Session, name: str, value: int) -> None:
    session.merge(TallyRow(name=name, value=value))


def add_to_tally(session: Session, name: str, count: int) -> None:
    """Counts up from zero. Two at once: the row is locked until the transaction ends."""
    row = session.get(TallyRow, name, with_for_update=True)
    if row is None:
        session.add(TallyRow(name=name, value=count))
    else:
        row.value += count
