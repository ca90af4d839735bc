"""What a task of a remote trial and the trigger it defers to both need to work at the trial; no secret is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dean_airflow.services.endpoint import ServiceEndpoint
    from dean_airflow.services.remote.trial import RemoteTrial
    from dean_airflow.store.store import Store

EVOLUTION_CONNECTION = "dean_evolution"
INDEXAGENT_CONNECTION = "dean_indexagent"
OPTION_PARAMS = ("timeout_seconds", "poll_seconds", "population")
"""Params of `dean_remote_trial` that say how the trial is followed; see RemoteOptions."""


@dataclass(frozen=True)
class RemoteSetup:
    """Serializable: a trigger is made of it again in another process, which then resolves the connections itself.

    `config` holds the trial's params, `options` RemoteOptions that differ from their defaults, `connections` the
    connection id of each kind of service. `execution` names the run and how often it was cleared.
    """

    trial_id: str
    config: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)
    execution: str = ""
    dag_id: str | None = None
    run_id: str | None = None

    def serialized(self) -> dict[str, Any]:
        return asdict(self)

    @asynccontextmanager
    async def opened(
        self,
        tell: Callable[[dict[str, Any]], object] = lambda generation: None,
        say: Callable[[str], object] = lambda line: None,
    ) -> AsyncIterator[RemoteTrial]:
        """The trial, with a pool and a store that are closed at the end. Raises DeanError."""
        from dean_airflow.evolution.trial_config import TrialConfig
        from dean_airflow.services.correlation import correlated
        from dean_airflow.services.pool import ServicePool
        from dean_airflow.services.remote.mirror import Origin
        from dean_airflow.services.remote.options import RemoteOptions
        from dean_airflow.services.remote.trial import RemoteTrial

        endpoints, store = await asyncio.to_thread(open_services, self.connections)
        try:
            async with ServicePool(endpoints, store=store) as pool:
                with correlated(self.run_id):
                    yield RemoteTrial(
                        pool,
                        store,
                        self.trial_id,
                        TrialConfig.build(self.config),
                        RemoteOptions().changed(self.options),
                        origin=Origin(self.execution, self.dag_id, self.run_id),
                        inside_dag=True,
                        tell=tell,
                        say=say,
                    )
        finally:
            await asyncio.to_thread(store.close)


def remote_setup(
    context: Context, trial_id: str, params: Mapping[str, Any], connections: Mapping[str, str]
) -> RemoteSetup:
    """The setup of a task: `params` are the trial's and the options', None meaning the default."""
    from dean_airflow.evolution.trial_config import TrialConfig

    run = context["dag_run"]
    return RemoteSetup(
        trial_id=trial_id,
        config={name: value for name, value in params.items() if name in TrialConfig.model_fields},
        options={name: params[name] for name in OPTION_PARAMS if params.get(name) is not None},
        connections=dict(connections),
        execution=f"{run.dag_id}/{run.run_id}/{run.clear_number or 0}",
        dag_id=run.dag_id,
        run_id=run.run_id,
    )


def open_services(connections: Mapping[str, str]) -> tuple[list[ServiceEndpoint], Store]:
    """The endpoints of the services and DEAN's store. Blocks. Raises DeanError.

    A service without a connection is left out; whoever needs it says so.
    """
    from dean_airflow.airflow_settings import settings_in_process
    from dean_airflow.store.store import Store

    return service_endpoints(connections), Store.open(settings_in_process().store)


def service_endpoints(connections: Mapping[str, str]) -> list[ServiceEndpoint]:
    """As `open_services`, without the store. The usual connections may be settings instead."""
    from dean_airflow.airflow_services import CONNECTIONS, endpoint_or_none
    from dean_airflow.airflow_settings import settings_in_process

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
