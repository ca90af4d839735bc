"""Calling one service: everything between a client's method and the transport.

From outside to inside: the deadline of the whole call, its attempts, the circuit breaker, the credential, the wire.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from dean_airflow.services import lenient
from dean_airflow.services.call import Call, Reply
from dean_airflow.services.calling.authentication import Authenticator, Headers
from dean_airflow.services.calling.breaker import CircuitBreaker, Pass
from dean_airflow.services.calling.refusals import is_invalid_token, refusal
from dean_airflow.services.calling.transport import Transport
from dean_airflow.services.contract.capabilities import (
    IDEMPOTENCY_HEADER,
    IDEMPOTENCY_KEY,
    ORIGINAL_IP_HEADER,
    REQUEST_ID_HEADER,
    USER_HEADER,
)
from dean_airflow.services.correlation import original_ip, request_id, user
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import ServiceError, ServiceFault, ServiceTimeout, ServiceUnavailable
from dean_airflow.services.retrying import Deadline, RetryPolicy, retrying

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

CAPABILITIES_SECONDS = 300.0
"""For how long what a service says it can do is taken to be so."""
_HEALTH_SECONDS = 5.0
_HEADER_SAFE = " !#$&'()*+,/:;=?@[]^`{|}~"
"""A user's name goes out as it is, where it is plain; a line end or a letter beyond ASCII is written as %XX."""


class ServiceCaller:
    """What a client needs to reach its service."""

    def __init__(
        self,
        endpoint: ServiceEndpoint,
        transport: Transport,
        authenticator: Authenticator,
        breaker: CircuitBreaker | None,
        policy: RetryPolicy,
    ) -> None:
        self.endpoint = endpoint
        self.transport = transport
        self.authenticator = authenticator
        self.breaker = breaker
        self._policy = policy
        self._capabilities: tuple[float, frozenset[str]] | None = None

    async def read(self, call: Call, model: type[M], reading: lenient.Reading = lenient.as_it_is) -> M:
        """The reply's body, normalised, as a model of the contract. Raises ServiceError."""
        reply = await self.call(call)
        return reply.read_as(model, reading(reply.json()))

    async def call(self, call: Call) -> Reply:
        """The reply to a call, which is one of the 2xx. Raises ServiceError."""
        reply = await self.fetch(call, expect_success=True)
        if not reply.ok:
            raise refusal(reply)
        return reply

    async def fetch(self, call: Call, *, expect_success: bool = False) -> Reply:
        """The reply to a call, whatever its status; raises ServiceError where none came.

        Attempts that failed for the moment are repeated where that cannot do anything twice: with `expect_success`,
        those answered with 429, 502, 503 and 504 too.
        """
        deadline = Deadline(call.deadline or self.endpoint.deadline)
        headers = self._headers(call)
        tried = 0

        async def attempt() -> Reply:
            nonlocal tried
            tried += 1
            last = tried >= min(call.attempts, self._policy.attempts) or not call.repeatable
            # One that may be repeated leaves time for that: waiting for a lost answer does not use up the deadline.
            seconds = max(deadline.left if last else deadline.left / 2, 0.001)
            reply = await self._guarded(call, headers, seconds)
            if expect_success and reply.status in (429, 502, 503, 504):
                raise refusal(reply)
            return reply

        async def may_repeat(error: ServiceError) -> bool:
            if self.breaker is not None and self.breaker.is_open:
                return False
            return await self._may_repeat(call, error, deadline)

        try:
            reply: Reply = await retrying(self._policy, call.attempts, deadline, may_repeat)(attempt)
        except ServiceError as error:
            error.attempts = tried
            raise
        return replace(reply, attempts=tried)

    async def offers(self, capability: str, seconds: float = _HEALTH_SECONDS) -> bool:
        """Whether the service has an extension, by its own health; False where it cannot be asked in that time."""
        known = self._capabilities
        if known is None or time.monotonic() - known[0] > CAPABILITIES_SECONDS:
            call = Call("GET", "/health", authenticated=False)
            try:
                reply = await self._guarded(call, self._headers(call), min(seconds, _HEALTH_SECONDS))
                body = reply.json()
            except ServiceError:
                return False
            named = body.get("capabilities") if isinstance(body, Mapping) else None
            known = time.monotonic(), frozenset(map(str, named if isinstance(named, list) else ()))
            self._capabilities = known
        return capability in known[1]

    async def ask_health(self, call: Call) -> Reply:
        """One attempt past the circuit breaker, which is not asked and learns nothing: whoever wants to know how a
        service is means to hear it from the service.
        """
        return await self._authenticated(call, self._headers(call), call.deadline or self.endpoint.deadline)

    async def _guarded(self, call: Call, headers: Headers, seconds: float) -> Reply:
        """One attempt, if the circuit lets it through, whose outcome the circuit learns."""
        breaker = self.breaker
        if breaker is None:
            return await self._authenticated(call, headers, seconds)
        leave = await breaker.admit(seconds)
        try:
            reply = await self._authenticated(call, headers, seconds)
        except BaseException as error:
            await _learn_from_error(breaker, leave, error)
            raise
        if reply.status >= 500:
            await breaker.failed(leave, f"answered {reply.status}")
        elif reply.status == 429:
            await breaker.proved_nothing(leave)
        else:
            await breaker.succeeded(leave)
        return reply

    async def _authenticated(self, call: Call, headers: Headers, seconds: float) -> Reply:
        """One attempt; one more with a new credential where the service did not accept the one it got."""
        if not call.authenticated:
            return await self.transport.send(self.endpoint, call, headers, seconds)
        deadline = Deadline(seconds)
        proof = await self._in_time(self.authenticator.headers(), seconds)
        reply = await self.transport.send(self.endpoint, call, {**headers, **proof}, deadline.left)
        if reply.status == 401 or (reply.status == 403 and is_invalid_token(reply)):
            if not await self._in_time(self.authenticator.renew(proof), deadline.left):
                return reply
            proof = await self._in_time(self.authenticator.headers(), deadline.left)
            reply = await self.transport.send(self.endpoint, call, {**headers, **proof}, deadline.left)
        return reply

    async def _in_time(self, work: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise ServiceTimeout(
                f"No credential for the service {self.endpoint.name} could be had within {seconds:.3g} s.",
                service=self.endpoint.name, url=self.endpoint.url, may_have_arrived=False,
            ) from None  # fmt: skip
        except ServiceUnavailable as error:
            error.may_have_arrived = False  # the login may have, the call itself was not made
            raise

    async def _may_repeat(self, call: Call, error: ServiceError, deadline: Deadline) -> bool:
        """A POST is repeated only where it surely never arrived, or has a key by which the service knows it again."""
        if call.repeatable:
            return True
        if isinstance(error, ServiceUnavailable) and not error.may_have_arrived:
            return True
        return call.key is not None and deadline.left > 0 and await self.offers(IDEMPOTENCY_KEY, deadline.left)

    def _headers(self, call: Call) -> Headers:
        """The same for all attempts of a call."""
        headers = {"Accept": "application/json", REQUEST_ID_HEADER: request_id(), **call.headers}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        for header, value in ((USER_HEADER, user()), (ORIGINAL_IP_HEADER, original_ip())):
            if value is not None:
                headers[header] = quote(value, safe=_HEADER_SAFE)
        if call.key is not None:
            headers[IDEMPOTENCY_HEADER] = call.key
        return headers


async def _learn_from_error(breaker: CircuitBreaker, leave: Pass, error: BaseException) -> None:
    if isinstance(error, ServiceUnavailable | ServiceFault):
        await breaker.failed(leave, str(error))
    else:  # cancelled, a refused login, an answer that is no HTTP: nothing that time heals
        await breaker.proved_nothing(leave)
