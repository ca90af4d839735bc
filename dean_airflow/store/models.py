"""The tables. Their names begin with `dean_`, so that a store may share a database with others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dean_airflow.store.columns import Floats, Json, SafeText, UtcDateTime

Id = String(64)

NAME_LENGTH = 250
"""Characters of a dag id, run id, edit kind or context; Airflow's own limit for ids."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _of_trial(**options: Any) -> Mapped[str]:
    return mapped_column(Id, ForeignKey("dean_trials.id", ondelete="CASCADE"), **options)


class StoreRow(Base):
    """One row: the store's own identity, the namespace of trial ids."""

    __tablename__ = "dean_store"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TrialRow(Base):
    __tablename__ = "dean_trials"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending','initializing','running','monitoring','completed','failed','cancelled')",
            name="status",
        ),
        CheckConstraint("outcome IS NULL OR status = 'completed'", name="outcome"),
        Index(None, "created_at"),
        Index(None, "status", "created_at"),
        Index(None, "repository", "created_at"),
        Index(None, "dag_id", "run_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repository: Mapped[str] = mapped_column(SafeText)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    target: Mapped[dict[str, Any] | None] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(32))
    stop_reason: Mapped[str | None] = mapped_column(String(32))
    attempt: Mapped[int] = mapped_column(default=1)
    execution: Mapped[str] = mapped_column(SafeText, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    current_generation: Mapped[int] = mapped_column(default=0)
    best_fitness: Mapped[float] = mapped_column(Double, default=0.0)
    improvements: Mapped[list[float]] = mapped_column(Json)
    dag_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    run_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    error: Mapped[str | None] = mapped_column(SafeText)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)


class LeaseRow(Base):
    """Who may write for an island. The token grows by one at every acquisition; only the newest one may write."""

    __tablename__ = "dean_leases"

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    island: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[int]
    owner: Mapped[str] = mapped_column(SafeText)
    acquired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released: Mapped[bool] = mapped_column(default=False)


class EvaluationRow(Base):
    __tablename__ = "dean_evaluations"
    __table_args__ = (
        Index(None, "trial_id", "fitness"),
        # Pages list, sort and count candidates by these alone, without reading a row: see candidates.py.
        Index(
            "ix_dean_evaluations_listed",
            *("trial_id", "generation", "island", "verdict", "stage", "fitness", "cost", "sequence"),
        ),
    )

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    island: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int]
    key: Mapped[str] = mapped_column(String(128))
    genome: Mapped[list[str]] = mapped_column(Json)
    verdict: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(SafeText)
    fitness: Mapped[float] = mapped_column(Double)
    cost: Mapped[float | None] = mapped_column(Double)
    ratios: Mapped[dict[str, float]] = mapped_column(Json)
    pairs: Mapped[int]
    seconds: Mapped[float] = mapped_column(Double)
    log_ratios: Mapped[tuple[float, ...]] = mapped_column(Floats)
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChampionRow(Base):
    __tablename__ = "dean_champions"

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    island: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int]
    genome: Mapped[list[str]] = mapped_column(Json)
    fitness: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OfferRow(Base):
    """A champion an island offers to the others."""

    __tablename__ = "dean_offers"

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    island: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    genome: Mapped[list[str]] = mapped_column(Json)
    fitness: Mapped[float] = mapped_column(Double)


class MigrantRow(Base):
    """What an island took in a generation; no `from_island`: there was nothing to take, and that is on record too."""

    __tablename__ = "dean_migrants"

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    island: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    from_island: Mapped[int | None]
    from_generation: Mapped[int | None]
    genome: Mapped[list[str] | None] = mapped_column(Json)
    fitness: Mapped[float | None] = mapped_column(Double)


class PatternRow(Base):
    """The sum over all trials, kept also when the trials themselves are gone."""

    __tablename__ = "dean_patterns"
    __table_args__ = (UniqueConstraint("kind", "context"), Index(None, "last_used_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(NAME_LENGTH))
    context: Mapped[str] = mapped_column(String(NAME_LENGTH))
    tries: Mapped[int] = mapped_column(default=0)
    confirmed_wins: Mapped[int] = mapped_column(default=0)
    effect_sum: Mapped[float] = mapped_column(Double, default=0.0)
    effect_count: Mapped[int] = mapped_column(default=0)
    first_trial_id: Mapped[str] = mapped_column(Id)
    discovered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ObservationRow(Base):
    """What one trial added to a pattern, so that recording it again changes nothing."""

    __tablename__ = "dean_observations"
    __table_args__ = (Index(None, "trial_id"),)

    pattern_id: Mapped[str] = mapped_column(Id, ForeignKey("dean_patterns.id", ondelete="CASCADE"), primary_key=True)
    trial_id: Mapped[str] = _of_trial(primary_key=True)
    tried: Mapped[int]
    confirmed: Mapped[int]
    effect_sum: Mapped[float] = mapped_column(Double)
    effect_count: Mapped[int]


class EventRow(Base):
    """`key` is unique within the trial: whoever says the same thing twice is heard once."""

    __tablename__ = "dean_events"
    __table_args__ = (UniqueConstraint("trial_id", "key"),)

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DocumentRow(Base):
    __tablename__ = "dean_documents"

    trial_id: Mapped[str] = _of_trial(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
