"""Waiting until the services a DAG is about to use are healthy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from dean_airflow.remote_setup import EVOLUTION_CONNECTION, INDEXAGENT_CONNECTION

if TYPE_CHECKING:
    from airflow.sdk import Context

BEHIND_THE_TIMEOUT = timedelta(minutes=1)
"""The trigger keeps the sensor's timeout; Airflow's own is for a trigger that is not run."""


class ServiceHealthSensor(BaseSensorOperator):
    """Succeeds once every service is healthy; deferred until then, so that no worker slot is held.

    A service whose connection does not exist is left out, except Evolution. Answers the health that was found.

    :param evolution_conn_id: connection of the Evolution service (templated).
    :param indexagent_conn_id: connection of IndexAgent (templated).
    :param accept_degraded: whether a service that says it is degraded will do.
    :param deferrable: False pokes from the worker's slot, for an Airflow without a triggerer.
    """

    template_fields: Sequence[str] = ("evolution_conn_id", "indexagent_conn_id")
    ui_color = "#e6f2ea"

    def __init__(
        self,
        *,
        evolution_conn_id: str = EVOLUTION_CONNECTION,
        indexagent_conn_id: str = INDEXAGENT_CONNECTION,
        accept_degraded: bool = True,
        deferrable: bool = True,
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.evolution_conn_id = evolution_conn_id
        self.indexagent_conn_id = indexagent_conn_id
        self.accept_degraded = accept_degraded
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Raises AirflowSensorTimeout, AirflowFailException for a connection that cannot be used."""
        if not self.deferrable:
            return super().execute(context)
        if self.poke(context):
            return None
        from dean_airflow.triggers.service_health import ServiceHealthTrigger

        self.defer(
            trigger=ServiceHealthTrigger(
                self._connections(), self.poke_interval, self.timeout, accept_degraded=self.accept_degraded
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + BEHIND_THE_TIMEOUT,
        )

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> None:
        """After the waiting. Raises as `execute`."""
        if event["status"] == "failed":
            raise AirflowFailException(event["message"])
        if event["status"] != "healthy":
            raise AirflowSensorTimeout(event["message"])
        self.log.info("%s", event["message"])

    def poke(self, context: Context) -> bool:
        """Raises AirflowFailException for a connection that cannot be used."""
        from dean_airflow.errors import DeanError
        from dean_airflow.triggers.service_health import look_once

        try:
            healthy, sentence = asyncio.run(look_once(self._connections(), self.accept_degraded))
        except DeanError as error:
            raise AirflowFailException(str(error)) from None
        self.log.info("%s", sentence)
        return healthy

    def _connections(self) -> dict[str, str]:
        return {"evolution": self.evolution_conn_id, "indexagent": self.indexagent_conn_id}
