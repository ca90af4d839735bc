"""the Evolution API, by an Airflow connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from dean_airflow.hooks.service import ServiceHook
from dean_airflow.services.clients.evolution import EvolutionClient
from dean_airflow.services.pool import ServicePool

T = TypeVar("T")


class EvolutionHook(ServiceHook):
    """`hook.call(lambda evolution: evolution.trials(limit=5))`: any method of EvolutionClient, waited for."""

    service = "evolution"
    conn_name_attr = "evolution_conn_id"
    default_conn_name = "dean_evolution"
    conn_type = "dean_evolution"
    hook_name = "DEAN Evolution API"

    def __init__(self, evolution_conn_id: str = default_conn_name) -> None:
        super().__init__(evolution_conn_id)

    def call(self, work: Callable[[EvolutionClient], Awaitable[T]]) -> T:
        """What `work` gives. Raises ServiceError."""
        return self.pool.run(lambda pool: work(cast(EvolutionClient, pool.client(self.endpoint.name))))

    async def _prove(self, pool: ServicePool) -> None:
        await pool.evolution.trials(limit=1)
