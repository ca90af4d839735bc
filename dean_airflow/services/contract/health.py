"""Health: what a service says about itself, and what DEAN makes of several of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dean_airflow.services.contract.base import Answer, Count, UtcTime

Status = Literal["healthy", "degraded", "unhealthy"]


class Check(Answer):
    """One thing a service needs, for example its store."""

    status: str
    latency_ms: float | None = None
    error: str | None = None


class Health(Answer):
    """GET /health: 200 when healthy or degraded, 503 when unhealthy. `active_trials` counts running ones."""

    status: Status
    service: str
    version: str
    timestamp: UtcTime
    uptime_seconds: Count
    checks: dict[str, Check] | None = None
    capabilities: list[str] = Field(default_factory=list)
    active_trials: Count | None = None


class ServiceHealth(Answer):
    """One service as DEAN found it. `text` is its own word where that is none of ours, `circuit` our breaker's.

    `phases` is where the time went, in seconds: dns, connect, tls and first_byte, those of them that happened.
    """

    status: Status
    latency_ms: float | None = None
    error: str | None = None
    text: str | None = None
    version: str | None = None
    capabilities: list[str] = Field(default_factory=list)
    required: bool = True
    circuit: Literal["closed", "open", "half_open"] | None = None
    phases: dict[str, float] | None = None


class AggregateHealth(Answer):
    """Healthy only if every required service is; unhealthy if a required one is; else degraded."""

    status: Status
    timestamp: UtcTime
    services: dict[str, ServiceHealth]
