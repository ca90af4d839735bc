"""IndexAgent, by an Airflow connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from dean_airflow.hooks.service import ServiceHook
from dean_airflow.services.clients.indexagent import IndexAgentClient
from dean_airflow.services.pool import ServicePool

T = TypeVar("T")


class IndexAgentHook(ServiceHook):
    """`hook.call(lambda indexagent: indexagent.agents(limit=5))`: any method of IndexAgentClient, waited for."""

    service = "indexagent"
    conn_name_attr = "indexagent_conn_id"
    default_conn_name = "dean_indexagent"
    conn_type = "dean_indexagent"
    hook_name = "DEAN IndexAgent"

    def __init__(self, indexagent_conn_id: str = default_conn_name) -> None:
        super().__init__(indexagent_conn_id)

    def call(self, work: Callable[[IndexAgentClient], Awaitable[T]]) -> T:
        """What `work` gives. Raises ServiceError."""
        return self.pool.run(lambda pool: work(cast(IndexAgentClient, pool.client(self.endpoint.name))))

    async def _prove(self, pool: ServicePool) -> None:
        await pool.indexagent.agents(limit=1)
