"""A source that is a service of the pool: how it is, and what it tells, asked for at the same time."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from typing import Any

from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.prometheus_text import add_exposition
from dean_airflow.metrics.sources.source import TIMEOUT, Reading
from dean_airflow.services.call import Reply
from dean_airflow.services.calling.refusals import refusal
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.services.errors import ServiceError
from dean_airflow.services.pool import ServicePool

log = logging.getLogger(__name__)

_CIRCUIT = {"closed": 0, "open": 1, "half_open": 2}
BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of an answer that are read: some 50,000 samples of Prometheus' text."""


class ServiceSource:
    """`endpoint` names it in the pool, `name` in its samples. Subclasses say what of it are metrics."""

    def __init__(self, pool: ServicePool, endpoint: str, name: str | None = None, timeout: float = TIMEOUT) -> None:
        """Raises ServiceNotConfigured for an endpoint the pool does not know."""
        self.name, self.timeout = name or endpoint, timeout
        self.client = pool.http(endpoint)

    @abstractmethod
    async def read(self, maker: SampleMaker) -> dict[str, Any]:
        """What the service tells; its samples go to the maker. May raise ServiceError."""

    async def collect(self, at: int) -> Reading:
        maker = SampleMaker(self.name, at)
        health, told = await asyncio.gather(self.client.health(), self._read_or_error(maker))
        if health.status == "unhealthy" and isinstance(told, str) and health.error:
            told = health.error  # the same fault told twice; the health check says it in the contract's words
        add_health(maker, self.client.endpoint.url, health)
        metrics, error = ({}, told) if isinstance(told, str) else (told, None)
        return Reading(health, metrics, maker.samples, error, maker.left_out)

    async def ask(self, path: str, **query: Any) -> Reply:
        """A 2xx answer. Raises ServiceError."""
        reply = await self.client.get(path, query=query, seconds=self.timeout, attempts=1, body_limit=BODY_LIMIT)
        if not reply.ok:
            raise refusal(reply)
        return reply

    async def exposed(self, maker: SampleMaker) -> None:
        """The samples of the service's own GET /metrics, such as its requests and their latency; it may have none."""
        try:
            await add_exposition(await self.ask("/metrics"), maker)
        except ServiceError as error:
            log.debug("%s exposes no metrics: %s", self.name, error)

    async def _read_or_error(self, maker: SampleMaker) -> dict[str, Any] | str:
        try:
            return await self.read(maker)
        except ServiceError as error:
            return str(error)


def add_health(maker: SampleMaker, url: str, health: ServiceHealth) -> None:
    """The samples of a health check."""
    of = {"service_name": maker.service}
    maker.add("dean_service_health", health.status != "unhealthy", of)
    maker.add("dean_service_degraded", health.status == "degraded", of)
    maker.add("dean_service_info", 1, {**of, "url": url, "version": health.version or ""})
    if health.latency_ms is not None:
        maker.add("dean_health_check_duration_seconds", health.latency_ms / 1000, of)
    if health.circuit is not None:
        maker.add("dean_circuit_breaker_state", _CIRCUIT[health.circuit], of)
    for phase, seconds in (health.phases or {}).items():
        maker.add("dean_health_check_phase_seconds", seconds, {**of, "phase": phase})
