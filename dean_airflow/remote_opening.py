"""From a setup to the trial, its services and the store. Slow to import, so the triggerer does that in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from dean_airflow.airflow_services import CONNECTIONS, endpoint_or_none
from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.remote_setup import RemoteSetup
from dean_airflow.services.correlation import correlated
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.mirror import Origin
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.trial import RemoteTrial
from dean_airflow.store.store import Store


@asynccontextmanager
async def opened_trial(
    setup: RemoteSetup, tell: Callable[[dict[str, Any]], object], say: Callable[[str], object]
) -> AsyncIterator[RemoteTrial]:
    """The trial, with a pool and a store that are closed at the end. Raises DeanError."""
    async with opened_services(setup.connections) as (pool, store):
        with correlated(setup.run_id, setup.user):
            yield RemoteTrial(
                pool,
                store,
                setup.trial_id,
                TrialConfig.build(setup.config),
                RemoteOptions().changed(setup.options),
                origin=Origin(setup.execution, setup.dag_id, setup.run_id),
                inside_dag=True,
                tell=tell,
                say=say,
            )


@asynccontextmanager
async def opened_services(connections: Mapping[str, str]) -> AsyncIterator[tuple[ServicePool, Store]]:
    """A pool of these services, and DEAN's store, both closed at the end. Raises DeanError."""
    endpoints = await asyncio.to_thread(service_endpoints, connections)
    store = await asyncio.to_thread(lambda: Store.open(settings_in_process().store))
    try:
        async with ServicePool(endpoints, store=store) as pool:
            yield pool, store
    finally:
        await asyncio.to_thread(store.close)


@asynccontextmanager
async def opened_pool(connections: Mapping[str, str]) -> AsyncIterator[ServicePool]:
    """A pool of these services alone. Raises DeanError."""
    async with ServicePool(await asyncio.to_thread(service_endpoints, connections)) as pool:
        yield pool


def service_endpoints(connections: Mapping[str, str]) -> list[ServiceEndpoint]:
    """By the connection id of each kind of service; the usual connections may be settings instead.

    A service without a connection is left out; whoever needs it says so. Blocks. Raises ConfigurationError.
    """
    settings = settings_in_process()
    found = []
    for service, usual in CONNECTIONS.items():
        if service not in connections:
            continue
        named = connections[service]
        endpoint = endpoint_or_none(service, settings, None if named == usual else named)
        if endpoint is not None:
            found.append(endpoint)
    return found
