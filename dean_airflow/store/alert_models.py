"""The tables of alerts: their states, the notices owed for them, silences, and the rules last known to be good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import Json, SafeText, UtcDateTime
from dean_airflow.store.models import NAME_LENGTH, Base, Id


class AlertRow(Base):
    """One alert: a rule and a set of labels. `held_ms` and `kept_ms` are the time its condition was seen to hold, and
    not to hold any more while it goes on firing.
    """

    __tablename__ = "dean_alerts"
    __table_args__ = (
        CheckConstraint("state IN ('pending','firing','resolved')", name="state"),
        Index(None, "state", "updated_at"),
    )

    fingerprint: Mapped[str] = mapped_column(Id, primary_key=True)
    rule: Mapped[str] = mapped_column(String(NAME_LENGTH))
    labels: Mapped[dict[str, str]] = mapped_column(Json)
    severity: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(SafeText)
    state: Mapped[str] = mapped_column(String(16))
    value: Mapped[float | None] = mapped_column(Double)
    active_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_ms: Mapped[int] = mapped_column(BigInteger)
    kept_ms: Mapped[int | None] = mapped_column(BigInteger)
    notified: Mapped[str] = mapped_column(String(16))
    muted_by: Mapped[str] = mapped_column(SafeText)


class AlertClockRow(Base):
    """One row, `id` 1: when rules were last evaluated, and how time has gone since."""

    __tablename__ = "dean_alert_clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    evaluated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    steady_from: Mapped[datetime] = mapped_column(UtcDateTime)
    mixed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AlertNoticeRow(Base):
    """A change of state somebody is to be told of, written together with the change. `closed_at`: all were told."""

    __tablename__ = "dean_alert_notices"
    __table_args__ = (Index(None, "closed_at", "created_at"), Index(None, "fingerprint", "created_at"))

    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    batch: Mapped[str] = mapped_column(Id)
    fingerprint: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    group_labels: Mapped[dict[str, str]] = mapped_column(Json)
    alert: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AlertDeliveryRow(Base):
    """One notice and one receiver. `run` names who delivered it, so that its retry may repeat itself."""

    __tablename__ = "dean_alert_deliveries"

    key: Mapped[str] = mapped_column(
        String(128), ForeignKey("dean_alert_notices.key", ondelete="CASCADE"), primary_key=True
    )
    receiver: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run: Mapped[str] = mapped_column(SafeText, default="")
    error: Mapped[str] = mapped_column(SafeText, default="")


class SilenceRow(Base):
    __tablename__ = "dean_alert_silences"
    __table_args__ = (Index(None, "ends_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    labels: Mapped[dict[str, str]] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(SafeText)
    author: Mapped[str] = mapped_column(SafeText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_early: Mapped[bool] = mapped_column(Boolean, default=False)


class AlertRulesRow(Base):
    """The text of a rules file when it was last good, and what is wrong with it now, if anything is."""

    __tablename__ = "dean_alert_rules"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    path: Mapped[str] = mapped_column(SafeText)
    text: Mapped[str | None] = mapped_column(Text)
    good_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str] = mapped_column(SafeText, default="")
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
