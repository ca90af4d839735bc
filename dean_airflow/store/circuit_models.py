"""The table of circuit breakers, which all processes of an installation share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Double, String
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import SafeText, UtcDateTime
from dean_airflow.store.models import NAME_LENGTH, Base, Id


class CircuitRow(Base):
    """`version` grows with every change and `written_by` is unique to it, so that one repeated after a lost connection
    is known. The limits are those set from the command line; where null, the endpoint's own hold.
    """

    __tablename__ = "dean_circuits"
    __table_args__ = (CheckConstraint("state IN ('closed','open','half_open')", name="state"),)

    name: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    url: Mapped[str] = mapped_column(SafeText)
    state: Mapped[str] = mapped_column(String(16))
    failures: Mapped[int]
    successes: Mapped[int]
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    probe_by: Mapped[str | None] = mapped_column(Id)
    probe_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_failure: Mapped[str | None] = mapped_column(SafeText)
    last_failure_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int]
    written_by: Mapped[str] = mapped_column(Id)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    succeeded_total: Mapped[int] = mapped_column(BigInteger)
    failed_total: Mapped[int] = mapped_column(BigInteger)
    rejected_total: Mapped[int] = mapped_column(BigInteger)
    failure_limit: Mapped[int | None]
    success_limit: Mapped[int | None]
    open_seconds: Mapped[float | None] = mapped_column(Double)
