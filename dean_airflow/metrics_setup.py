"""The collector of this Airflow: which services and endpoints it asks, by connections and settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_services import endpoint_of, endpoints
from dean_airflow.airflow_settings import connection_or_none
from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.metric_sources import WatchedEndpoint

if TYPE_CHECKING:
    from dean_airflow.metrics.collection import Collection
    from dean_airflow.metrics.collector import MetricsCollector
    from dean_airflow.services.endpoint import ServiceEndpoint
    from dean_airflow.store.store import Store

CONNECTIONS_BESIDES = 50
"""Beyond one for each endpoint: services are asked about health and metrics at the same time."""


@dataclass(frozen=True)
class CollectorSetup:
    """Everything that needs Airflow, which is asked before there is an event loop."""

    settings: Settings
    services: list[ServiceEndpoint]
    watched: dict[str, ServiceEndpoint]

    @asynccontextmanager
    async def opened(self, store: Store, **options: Any) -> AsyncIterator[MetricsCollector]:
        """The collector, with a pool that is closed at the end. Raises ConfigurationError."""
        from dean_airflow.metrics.collector import MetricsCollector
        from dean_airflow.metrics.sources.registry import SourceContext
        from dean_airflow.services.pool import ServicePool

        connections = CONNECTIONS_BESIDES + 2 * (len(self.services) + len(self.watched))
        async with ServicePool(self.services, store=store, connections=connections) as pool:
            context = SourceContext(pool, store, self.settings)
            yield MetricsCollector.of_installation(context, lambda one: self.watched[one.name], **options)

    def collect(self, store: Store) -> Collection:
        """One collection, kept in the store, in an event loop of its own. Raises DeanError."""

        async def once() -> Collection:
            async with self.opened(store) as collector:
                return await collector.collect()

        return asyncio.run(once())


def collector_setup(settings: Settings) -> CollectorSetup:
    """Resolves the connections. Blocks. Raises ConfigurationError, naming the source or connection at fault."""
    services = endpoints(settings)
    if not any(endpoint.kind == "airflow" for endpoint in services):
        services += _this_airflow()
    return CollectorSetup(settings, services, {one.name: _endpoint(one, settings) for one in settings.metrics_sources})


def _endpoint(watched: WatchedEndpoint, settings: Settings) -> ServiceEndpoint:
    from dean_airflow.metrics.sources.registry import WATCHED, plain_endpoint

    if watched.connection is None:
        return plain_endpoint(watched)
    connection = connection_or_none(watched.connection)
    if connection is None:
        raise ConfigurationError(
            f"The source of metrics {watched.name} names the connection {watched.connection}, which does not exist; "
            "make it, or take it out of [dean] metrics_sources."
        )
    found = endpoint_of(connection, "airflow", settings)  # of no kind of ours: signs no token of its own
    return replace(
        found,
        name=watched.name,
        kind="http",
        url=watched.url or found.url,
        timeout=watched.timeout,
        required=watched.required,
        breaker=WATCHED,
    )


def _this_airflow() -> list[ServiceEndpoint]:
    """The API server at the address Airflow's own configuration names, if it names one: its health needs no login."""
    from airflow.configuration import conf

    from dean_airflow.services.endpoint import ServiceEndpoint

    url = str(conf.get("api", "base_url", fallback="") or "")
    return [ServiceEndpoint("airflow", "airflow", url)] if url.startswith(("http://", "https://")) else []
