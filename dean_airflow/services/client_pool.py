"""Every client of every service, over one set of connections; `ServicePool` is this, and can run trials."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Self, TypeVar

from dean_airflow.services.calling.authenticators import authenticator_of
from dean_airflow.services.calling.breaker import CircuitBreaker, CircuitReport, StateChange
from dean_airflow.services.calling.caller import ServiceCaller
from dean_airflow.services.calling.shared_circuits import SharedCircuits
from dean_airflow.services.calling.transport import CONNECTIONS, PER_SERVICE, Transport
from dean_airflow.services.clients.airflow import AirflowClient
from dean_airflow.services.clients.evolution import EvolutionClient
from dean_airflow.services.clients.http import HttpClient
from dean_airflow.services.clients.indexagent import IndexAgentClient
from dean_airflow.services.clients.service import ServiceClient
from dean_airflow.services.contract.health import AggregateHealth
from dean_airflow.services.endpoint import Kind, ServiceEndpoint
from dean_airflow.services.errors import ServiceNotConfigured
from dean_airflow.services.health import check_services
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store, utc_now

C = TypeVar("C", bound=ServiceClient)


class ClientPool:
    """The only thing that makes clients. An async context manager; usable in one event loop.

    `endpoints` are the services there are, each under a name of its own. `store` is where the processes of an
    installation share what they know of dead services; without one each process learns for itself. At most
    `connections` are open at a time, `per_service` of them to one host. `retry` says how failed attempts are repeated;
    `on_circuit_change` are called with a service's name and the old and new state of its circuit.
    """

    def __init__(
        self,
        endpoints: Iterable[ServiceEndpoint] = (),
        *,
        store: Store | None = None,
        connections: int = CONNECTIONS,
        per_service: int = PER_SERVICE,
        retry: RetryPolicy | None = None,
        on_circuit_change: Iterable[StateChange] = (),
    ) -> None:
        self.store = store
        self._shared = SharedCircuits(store.circuits if store is not None else None)
        self._now = store.now if store is not None else utc_now
        self._retry = retry or RetryPolicy()
        self._on_change = tuple(on_circuit_change)
        self._transport = Transport(connections, per_service)
        self._callers: dict[str, ServiceCaller] = {}
        for endpoint in endpoints:
            self.add(endpoint)

    def add(self, endpoint: ServiceEndpoint) -> None:
        """Makes a service known, or known anew, under its name."""
        breaker = None
        if endpoint.breaker.enabled:
            breaker = CircuitBreaker(endpoint, self._shared, now=self._now, on_change=self._on_change)
        self._callers[endpoint.name] = ServiceCaller(
            endpoint, self._transport, authenticator_of(endpoint, self._transport), breaker, self._retry
        )

    @property
    def endpoints(self) -> list[ServiceEndpoint]:
        return [caller.endpoint for caller in self._callers.values()]

    @property
    def evolution(self) -> EvolutionClient:
        """The first endpoint of that kind. Raises ServiceNotConfigured."""
        return self._client("evolution", EvolutionClient)

    @property
    def indexagent(self) -> IndexAgentClient:
        """The first endpoint of that kind. Raises ServiceNotConfigured."""
        return self._client("indexagent", IndexAgentClient)

    @property
    def airflow(self) -> AirflowClient:
        """The first endpoint of that kind. Raises ServiceNotConfigured."""
        return self._client("airflow", AirflowClient)

    def http(self, name: str) -> HttpClient:
        """A plain client of any endpoint, by its name. Raises ServiceNotConfigured."""
        return HttpClient(self._caller(name))

    def client(self, name: str) -> ServiceClient:
        """The client of an endpoint's kind, by the endpoint's name. Raises ServiceNotConfigured."""
        caller = self._caller(name)
        return _CLIENTS[caller.endpoint.kind](caller)

    async def check_all_services(self) -> AggregateHealth:
        """The health of every endpoint, asked for at the same time; one that is down is in it, never raised."""
        return await check_services(self._callers.values())

    def another(self) -> Self:
        """The same, for another event loop."""
        return type(self)(self.endpoints, store=self.store, retry=self._retry, on_circuit_change=self._on_change)

    def circuits(self) -> list[CircuitReport]:
        """The circuit breakers as this process has them."""
        return [breaker.report() for breaker in self._breakers()]

    async def close(self) -> None:
        """Closes every connection, whatever else fails."""
        try:
            counted = [tally for breaker in self._breakers() if (tally := await breaker.close())[2]]
            if counted:
                await self._shared.ask(lambda circuits: circuits.add(counted, secrets.token_hex(8)))
        finally:
            self._shared.close()
            await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _breakers(self) -> list[CircuitBreaker]:
        return [caller.breaker for caller in self._callers.values() if caller.breaker is not None]

    def _caller(self, name: str) -> ServiceCaller:
        caller = self._callers.get(name)
        if caller is None:
            known = ", ".join(self._callers) or "none"
            raise ServiceNotConfigured(f"No service is called {name!r}; there are: {known}.")
        return caller

    def _client(self, kind: Kind, client: type[C]) -> C:
        for caller in self._callers.values():
            if caller.endpoint.kind == kind:
                return client(caller)
        raise ServiceNotConfigured(
            f"No {kind} service is configured; make an Airflow connection dean_{_CONNECTIONS.get(kind, kind)}, "
            f"or set AIRFLOW__DEAN__{kind.upper()}_URL."
        )


_CLIENTS: dict[Kind, type[ServiceClient]] = {
    "evolution": EvolutionClient,
    "indexagent": IndexAgentClient,
    "airflow": AirflowClient,
    "http": HttpClient,
}
_CONNECTIONS = {"airflow": "airflow_api"}
