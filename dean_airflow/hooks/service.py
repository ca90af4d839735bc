"""What the hooks of all services share."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.providers.http.hooks.http import HttpHook

from dean_airflow.airflow_services import Service, endpoint_of
from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.errors import DeanError
from dean_airflow.hooks.task_pool import task_pool
from dean_airflow.services.call import Reply
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool


class ServiceHook(HttpHook):
    """An http hook whose requests go through the service pool, which retries, breaks off and authenticates them.

    The connection is read once for a hook, and all hooks of a task share one pool.
    """

    service: ClassVar[Service]

    def __init__(self, connection_id: str) -> None:
        super().__init__(http_conn_id=connection_id)

    @cached_property
    def endpoint(self) -> ServiceEndpoint:
        """What the connection says. Raises AirflowNotFoundException, ConfigurationError."""
        return endpoint_of(self.get_connection(self.http_conn_id), self.service, settings_in_process())

    @cached_property
    def pool(self) -> SyncServicePool:
        """The task's pool, in which this connection's service has its place. Raises DeanError."""
        pool = task_pool()
        pool.run(self._take_place)
        return pool

    def get_conn(self, *unused: Any, **also_unused: Any) -> SyncServicePool:  # type: ignore[override]
        """The task's pool. Raises DeanError."""
        return self.pool

    def run(  # type: ignore[override]
        self,
        endpoint: str = "",
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        extra_options: None = None,
    ) -> Reply:
        """GET of any path of the service, with `data` as its query; an answer of any status. Raises ServiceError."""
        name, path = self.endpoint.name, "/" + endpoint.lstrip("/")
        return self.pool.run(lambda pool: pool.http(name).get(path, query=data, headers=headers, attempts=3))

    def test_connection(self) -> tuple[bool, str]:
        """Whether the service is healthy and accepts the credential, in a sentence."""
        try:
            with SyncServicePool(lambda: ServicePool([self.endpoint])) as pool:
                return pool.run(self._test)
        except DeanError as error:
            return False, str(error)

    async def _test(self, pool: ServicePool) -> tuple[bool, str]:
        health = await pool.client(self.endpoint.name).health()
        where = f"The service at {self.endpoint.address()}"
        if health.status == "unhealthy":
            return False, f"{where} is unhealthy: {health.text or health.error}"
        await self._prove(pool)
        version = f", version {health.version}," if health.version else ""
        offers = f" It offers {', '.join(health.capabilities)}." if health.capabilities else ""
        return True, f"{where}{version} is {health.text or health.status} and accepts the credential.{offers}"

    async def _prove(self, pool: ServicePool) -> None:
        """A cheap call that needs the credential."""
        raise NotImplementedError

    async def _take_place(self, pool: ServicePool) -> None:
        here = self.endpoint.name, self.endpoint.url
        if here not in {(one.name, one.url) for one in pool.endpoints}:
            pool.add(self.endpoint)
