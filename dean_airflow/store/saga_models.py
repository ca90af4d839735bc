"""The tables of work that touches several services, and of what was learnt from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import Json, SafeText, UtcDateTime
from dean_airflow.store.models import NAME_LENGTH, Base, Id


class SagaRow(Base):
    """One attempt of a trial at several services. The token grows at each taking over; only the newest may write."""

    __tablename__ = "dean_sagas"
    __table_args__ = (CheckConstraint("state IN ('running','completed','compensating','compensated')", name="state"),)

    trial_id: Mapped[str] = mapped_column(Id, ForeignKey("dean_trials.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SagaStepRow(Base):
    """A step of it: written before its call as what is intended, and after it as what came of it."""

    __tablename__ = "dean_saga_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["trial_id", "attempt"], ["dean_sagas.trial_id", "dean_sagas.attempt"], ondelete="CASCADE"
        ),
        CheckConstraint("state IN ('intended','done','undoing','undone','undo_failed')", name="state"),
    )

    trial_id: Mapped[str] = mapped_column(Id, primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    sequence: Mapped[int]
    key: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(SafeText)
    intended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ServicePatternRow(Base):
    """A pattern as a service told it, by that service's own id; both services' are here, so that each has them."""

    __tablename__ = "dean_service_patterns"
    __table_args__ = (Index(None, "trial_id"), Index(None, "seen_at"))

    service: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    trial_id: Mapped[str | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(SafeText)
    type: Mapped[str] = mapped_column(String(NAME_LENGTH))
    description: Mapped[str] = mapped_column(SafeText)
    confidence: Mapped[float] = mapped_column(Double)
    effectiveness: Mapped[float | None] = mapped_column(Double)
    impact_score: Mapped[float | None] = mapped_column(Double)
    occurrences: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CacheRow(Base):
    """How often what a cache holds was made invalid: a process whose copy is of an earlier number reads anew."""

    __tablename__ = "dean_caches"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
