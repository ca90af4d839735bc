"""Airflow's REST API, by an Airflow connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from dean_airflow.hooks.service import ServiceHook
from dean_airflow.services.clients.airflow import AirflowClient
from dean_airflow.services.pool import ServicePool

T = TypeVar("T")


class AirflowApiHook(ServiceHook):
    """`hook.call(lambda airflow: airflow.dags(limit=5))`: any method of AirflowClient, waited for."""

    service = "airflow"
    conn_name_attr = "airflow_conn_id"
    default_conn_name = "dean_airflow_api"
    conn_type = "dean_airflow_api"
    hook_name = "Airflow REST API (DEAN)"

    def __init__(self, airflow_conn_id: str = default_conn_name) -> None:
        super().__init__(airflow_conn_id)

    def call(self, work: Callable[[AirflowClient], Awaitable[T]]) -> T:
        """What `work` gives. Raises ServiceError."""
        return self.pool.run(lambda pool: work(cast(AirflowClient, pool.client(self.endpoint.name))))

    async def _prove(self, pool: ServicePool) -> None:
        await pool.airflow.dags(limit=1)
