"""Which sources there are: the services of the pool, DEAN itself, this machine, what the settings name, and what other
packages bring as entry points.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.metric_sources import WatchedEndpoint
from dean_airflow.metrics.sources.airflow import AirflowSource
from dean_airflow.metrics.sources.evolution import EvolutionSource
from dean_airflow.metrics.sources.host import HostSource
from dean_airflow.metrics.sources.http_json import HttpSource
from dean_airflow.metrics.sources.indexagent import IndexAgentSource
from dean_airflow.metrics.sources.own import OwnSource
from dean_airflow.metrics.sources.prometheus import PrometheusSource
from dean_airflow.metrics.sources.source import Source
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

ENTRY_POINTS = "dean_airflow.metric_sources"
"""An entry point of this group is a function of a `SourceContext` that answers sources."""

_SERVICES: dict[str, Callable[[ServicePool, str, str], Source]] = {
    "airflow": AirflowSource,
    "indexagent": IndexAgentSource,
    "evolution": EvolutionSource,
}


@dataclass(frozen=True)
class SourceContext:
    """What sources are made with. Endpoints that a source of its own asks are added to the pool, without a breaker."""

    pool: ServicePool
    store: Store
    settings: Settings


def every_source(
    context: SourceContext, watched: Iterable[WatchedEndpoint] = (), endpoint_of: EndpointOf | None = None
) -> list[Source]:
    """All sources of an installation. Raises ConfigurationError for two of one name, or an address that is none.

    `endpoint_of` turns a watched endpoint into where to ask; by default its URL, without a login. An entry point that
    fails is left out with a warning: it must not blind the others.
    """
    sources: list[Source] = [OwnSource(context.store), HostSource(_disks(context.settings))]
    for endpoint in context.pool.endpoints:
        if endpoint.kind in _SERVICES:
            taken = any(source.name == endpoint.kind for source in sources)
            name = endpoint.name if taken else endpoint.kind  # the same whatever its connection is called
            sources.append(_SERVICES[endpoint.kind](context.pool, endpoint.name, name))
    for one in watched:
        context.pool.add((endpoint_of or plain_endpoint)(one))
        if one.kind == "prometheus":
            sources.append(PrometheusSource(context.pool, one.name, timeout=one.timeout))
        else:
            sources.append(
                HttpSource(context.pool, one.name, timeout=one.timeout, fields=one.fields, prefix=one.prefix)
            )
    sources.extend(_of_entry_points(context))
    names = [source.name for source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"Several sources of metrics are called {', '.join(twice)}; give each its own name.")
    return sources


EndpointOf = Callable[[WatchedEndpoint], ServiceEndpoint]

WATCHED = BreakerLimits(enabled=False)
"""A watched service is asked every time: that it fails is what one wants to see, as soon as it no longer does."""


def plain_endpoint(watched: WatchedEndpoint) -> ServiceEndpoint:
    """The endpoint of its URL, without a login. Raises ConfigurationError."""
    return ServiceEndpoint(
        watched.name, "http", watched.url, timeout=watched.timeout, required=watched.required, breaker=WATCHED
    )


def _of_entry_points(context: SourceContext) -> Iterator[Source]:
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            yield from entry.load()(context)
        except Exception as error:  # someone else's code
            log.warning("The sources of metrics that %s brings cannot be used: %r", entry.value, error)


def _disks(settings: Settings) -> list[Path]:
    return [place for place in (settings.data_dir, settings.cache_dir, settings.scratch_dir) if place is not None]
