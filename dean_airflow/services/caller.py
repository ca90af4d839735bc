"""Calling one service: everything between a client's method and the transport."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from dean_airflow.services import lenient
from dean_airflow.services.authentication import Authenticator
from dean_airflow.services.call import Call, Reply
from dean_airflow.services.contract.capabilities import IDEMPOTENCY_HEADER, REQUEST_ID_HEADER, USER_HEADER
from dean_airflow.services.correlation import request_id, user
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.refusals import refusal
from dean_airflow.services.transport import Transport

M = TypeVar("M", bound=BaseModel)


class ServiceCaller:
    """What a client needs to reach its service."""

    def __init__(self, endpoint: ServiceEndpoint, transport: Transport, authenticator: Authenticator) -> None:
        self.endpoint = endpoint
        self.transport = transport
        self.authenticator = authenticator

    async def call(self, call: Call) -> Reply:
        """The reply to a call, which is one of the 2xx. Raises ServiceError."""
        reply = await self.attempt(call)
        if not reply.ok:
            raise refusal(reply)
        return reply

    async def read(self, call: Call, model: type[M], reading: lenient.Reading = lenient.as_it_is) -> M:
        """The reply's body, normalised, as a model of the contract. Raises ServiceError."""
        reply = await self.call(call)
        return reply.read_as(model, reading(reply.json()))

    async def attempt(self, call: Call) -> Reply:
        """The reply to one attempt, whatever its status. Raises ServiceError where none came."""
        headers = {
            "Accept": "application/json",
            REQUEST_ID_HEADER: request_id(),
            **call.headers,
        }
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if (name := user()) is not None:
            headers[USER_HEADER] = name
        if call.key is not None:
            headers[IDEMPOTENCY_HEADER] = call.key
        if call.authenticated:
            headers.update(await self.authenticator.headers())
        return await self.transport.send(self.endpoint, call, headers, call.deadline or self.endpoint.deadline)
