"""What the clients of all services share."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from dean_airflow.services import lenient
from dean_airflow.services.call import Call
from dean_airflow.services.calling.caller import ServiceCaller
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.health import check_service

M = TypeVar("M", bound=BaseModel)


class ServiceClient:
    """Made by a ServicePool, and usable while that is open."""

    def __init__(self, caller: ServiceCaller) -> None:
        self._caller = caller

    @property
    def endpoint(self) -> ServiceEndpoint:
        return self._caller.endpoint

    async def health(self) -> ServiceHealth:
        """How the service is; never raises for a service that is down: that is `unhealthy` with an `error`."""
        return await check_service(self._caller)

    async def _read(self, call: Call, model: type[M], reading: lenient.Reading = lenient.as_it_is) -> M:
        return await self._caller.read(call, model, reading)
