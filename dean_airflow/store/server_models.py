"""The tables of the servers: who may call them, what they put on record, and what clients made with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dean_airflow.store.columns import Json, SafeText, UtcDateTime
from dean_airflow.store.models import NAME_LENGTH, Base, Id


class ApiKeyRow(Base):
    """`digest` is the SHA-256 of a key, which itself is kept nowhere."""

    __tablename__ = "dean_api_keys"
    __table_args__ = (UniqueConstraint("digest"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    digest: Mapped[str] = mapped_column(String(64))
    roles: Mapped[list[str]] = mapped_column(Json)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """`times` counts how often the same was done within the second or so that one row stands for."""

    __tablename__ = "dean_audit"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(64))
    user: Mapped[str] = mapped_column("user_name", SafeText)
    resource: Mapped[str] = mapped_column(SafeText)
    outcome: Mapped[str] = mapped_column(SafeText)
    times: Mapped[int] = mapped_column(default=1)


class RequestRow(Base):
    """The first answer to a caller's idempotency key; no `answer` while it is being made."""

    __tablename__ = "dean_requests"
    __table_args__ = (Index(None, "created_at"),)

    service: Mapped[str] = mapped_column(String(32), primary_key=True)
    caller: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    key: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[int | None]
    answer: Mapped[Any] = mapped_column(Json, nullable=True)


class ServedTrialRow(Base):
    """A trial that a server was asked for and runs. `holder` is the server at it, until `held_until` unless renewed."""

    __tablename__ = "dean_served_trials"

    trial_id: Mapped[str] = mapped_column(Id, ForeignKey("dean_trials.id", ondelete="CASCADE"), primary_key=True)
    request: Mapped[dict[str, Any]] = mapped_column(Json)
    asked_by: Mapped[str] = mapped_column(SafeText)
    holder: Mapped[str] = mapped_column(SafeText, default="")
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deaths: Mapped[int] = mapped_column(default=0)
    closed: Mapped[bool] = mapped_column(default=False)


class PopulationRow(Base):
    """A population a client made; islands of trials are populations too, but have no row here."""

    __tablename__ = "dean_populations"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    generation: Mapped[int] = mapped_column(default=0)
    best_fitness: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AgentRow(Base):
    """An agent a client made; candidates of trials are agents too, but have no row here."""

    __tablename__ = "dean_agents"
    __table_args__ = (Index(None, "population_id"), Index(None, "created_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    population_id: Mapped[str | None] = mapped_column(Id, ForeignKey("dean_populations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(SafeText)
    type: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    status: Mapped[str] = mapped_column(String(16))
    generation: Mapped[int] = mapped_column(default=0)
    fitness: Mapped[float | None] = mapped_column(Double)
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    genome: Mapped[dict[str, Any]] = mapped_column(Json)
    token_budget: Mapped[int | None]
    patterns: Mapped[list[str]] = mapped_column(Json)
    parents: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
