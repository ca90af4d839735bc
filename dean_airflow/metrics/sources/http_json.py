"""Any HTTP endpoint that answers JSON: named fields of it, or every number in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dean_airflow.metric_sources import JsonField
from dean_airflow.metrics.sources.json_fields import add_fields, add_numbers
from dean_airflow.metrics.sources.making import SampleMaker, safe_name
from dean_airflow.metrics.sources.service import BODY_LIMIT, add_health
from dean_airflow.metrics.sources.source import TIMEOUT, Reading
from dean_airflow.services import lenient
from dean_airflow.services.call import Reply
from dean_airflow.services.calling.refusals import refusal
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.services.errors import ServiceError, ServiceTimeout
from dean_airflow.services.pool import ServicePool


class HttpSource:
    """Asks the endpoint's own URL, once: that it answers is its health, unless `health_path` names another place."""

    def __init__(
        self,
        pool: ServicePool,
        name: str,
        *,
        timeout: float = TIMEOUT,
        fields: Mapping[str, JsonField] | None = None,
        prefix: str | None = None,
    ) -> None:
        """Raises ServiceNotConfigured for a name the pool does not know."""
        self.name, self.timeout = name, timeout
        self.client = pool.http(name)
        self._fields = fields
        self._prefix = safe_name(name if prefix is None else prefix)

    async def collect(self, at: int) -> Reading:
        maker = SampleMaker(self.name, at)
        metrics: dict[str, Any] = {}
        error = None
        try:
            reply = await self.client.get("", seconds=self.timeout, attempts=1, body_limit=BODY_LIMIT)
            health = health_of(reply)
            if reply.ok:
                metrics = await self.read(reply, maker)
            else:
                error = str(refusal(reply))
        except ServiceTimeout:
            health = ServiceHealth(status="unhealthy", error="Health check timeout")
            error = health.error
        except ServiceError as failed:
            status = "degraded" if failed.status is not None and 200 <= failed.status < 300 else "unhealthy"
            health = ServiceHealth.model_validate({"status": status, "error": str(failed)})
            error = str(failed)
        add_health(maker, self.client.endpoint.url, health)
        return Reading(health, metrics, maker.samples, error, maker.left_out)

    async def read(self, reply: Reply, maker: SampleMaker) -> dict[str, Any]:
        """Raises ContractViolation for what is no JSON."""
        body = reply.json()
        if self._fields is not None:
            return add_fields(maker, body, self._fields)
        return add_numbers(maker, body, self._prefix)


def health_of(reply: Reply) -> ServiceHealth:
    """What an answer says of its service's health: its status, and its word if it has one (contract §1.4)."""
    status, text = ("healthy", None) if reply.ok else ("unhealthy", None)
    error = None if reply.ok else f"answered {reply.status}"
    version = None
    if "json" in reply.headers.get("content-type", ""):
        try:
            body = reply.json()
        except ServiceError:
            body = None
        if isinstance(body, Mapping) and isinstance(body.get("status"), str):
            status, text = lenient.health_words(reply.status, body)
        if isinstance(body, Mapping):
            version = str(body["version"])[:64] if "version" in body else None
    return ServiceHealth.model_validate(
        {
            "status": status,
            "text": text,
            "error": error,
            "version": version,
            "latency_ms": round(reply.phases.total * 1000, 1),
            "phases": reply.phases.happened(),
        }
    )
