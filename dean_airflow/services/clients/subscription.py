"""A trial's news as they happen: the Evolution API's WebSocket as an async iterator."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from pydantic import ValidationError

from dean_airflow.services.calling.caller import ServiceCaller
from dean_airflow.services.clients.frame_order import FrameOrder, ends_trial
from dean_airflow.services.contract.capabilities import REQUEST_ID_HEADER
from dean_airflow.services.contract.websocket import (
    CLOSED_EXPIRED,
    CLOSED_UNAUTHORIZED,
    PATH,
    PING,
    PING_SECONDS,
    PONG,
    ConnectionFrame,
    TrialFrame,
)
from dean_airflow.services.correlation import request_id
from dean_airflow.services.errors import AuthenticationError, ContractViolation, ServiceUnavailable

OPENING_SECONDS = 10.0
"""Within which the socket must be open and its first frame there."""
SILENT_PINGS = 2
"""Pings without any frame after which the other side is taken to be gone."""


class Subscription:
    """One WebSocket, from opening to the last frame; `ping_seconds` between pings."""

    def __init__(self, caller: ServiceCaller, ping_seconds: float = PING_SECONDS) -> None:
        self._caller = caller
        self._ping_seconds = ping_seconds
        self._order = FrameOrder()

    async def frames(self, trial_id: str | None) -> AsyncIterator[TrialFrame]:
        """Frames of one trial until its terminal one, or of all trials without end; each once and in order.

        A token that expires meanwhile is renewed and the socket opened anew, once between two frames. Raises
        AuthenticationError (refused again), ServiceUnavailable (lost: poll, or subscribe again), ContractViolation.
        """
        renewed = False
        while True:
            proof = await self._caller.authenticator.headers()
            try:
                async for frame in self._connected(proof):
                    renewed = False
                    if trial_id is not None and frame.trial_id != trial_id:
                        continue
                    yield frame
                    if trial_id is not None and ends_trial(frame):
                        return
            except AuthenticationError:
                if renewed or not await self._caller.authenticator.renew(proof):
                    raise
                renewed = True

    async def _connected(self, proof: dict[str, str]) -> AsyncIterator[TrialFrame]:
        socket = await self._open(proof)
        try:
            async for text in _texts(socket, self._ping_seconds):
                frame = self._parse(text)
                if frame is not None:
                    yield frame
        except _Closed as closed:
            raise self._closed(closed.code) from None
        finally:
            await socket.close()

    async def _open(self, proof: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
        """Through the circuit breaker, like any call: a socket whose first frame came is a success."""
        breaker = self._caller.breaker
        if breaker is None:
            return await self._shake_hands(proof)
        leave = await breaker.admit(2 * OPENING_SECONDS)
        try:
            socket = await self._shake_hands(proof)
        except ServiceUnavailable as error:
            await breaker.failed(leave, str(error))
            raise
        except BaseException:
            await breaker.proved_nothing(leave)
            raise
        await breaker.succeeded(leave)
        return socket

    async def _shake_hands(self, proof: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
        endpoint = self._caller.endpoint
        headers = {REQUEST_ID_HEADER: request_id(), **proof}
        try:
            socket = await self._caller.transport.open_websocket(endpoint, PATH, headers, OPENING_SECONDS)
        except aiohttp.WSServerHandshakeError as refused:
            raise self._refused(refused) from None
        try:
            message = await socket.receive(OPENING_SECONDS)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise self._closed(socket.close_code)
            first = ConnectionFrame.model_validate(_json(message.data))
            if not first.authenticated:
                raise self._closed(CLOSED_EXPIRED)
        except TimeoutError:
            await socket.close()
            raise self._lost("sent no first frame") from None
        except (ValidationError, ValueError):
            await socket.close()
            raise self._violation("the first frame is no connection frame") from None
        except BaseException:
            await socket.close()
            raise
        return socket

    def _parse(self, text: str) -> TrialFrame | None:
        """None for frames of a type the contract does not know, and for those that are no news."""
        try:
            body = _json(text)
            if not isinstance(body, dict):
                raise ValueError("no object")
            if body.get("type") != "trial_update":
                return None
            frame = TrialFrame.model_validate(body)
            return frame if self._order.accepts(frame) else None
        except (ValidationError, ValueError) as error:
            raise self._violation(f"a frame is not what the contract says ({str(error).splitlines()[0]})") from None

    def _refused(self, error: aiohttp.WSServerHandshakeError) -> Exception:
        # A socket that is closed before it was accepted (1008) reaches a client as 403.
        if error.status in (401, 403):
            return self._unauthorized(error.status)
        if error.status >= 500:
            return self._lost(f"answered {error.status}")
        return self._violation(f"it answered {error.status}", error.status)

    def _closed(self, code: int | None) -> Exception:
        if code in (CLOSED_UNAUTHORIZED, CLOSED_EXPIRED):
            return self._unauthorized(None)
        return self._lost(f"closed it (code {code})")

    def _unauthorized(self, status: int | None) -> AuthenticationError:
        return AuthenticationError(
            f"The service {self._name} does not accept the credential for its WebSocket; check the connection.",
            service=self._name, url=self._url, status=status,
        )  # fmt: skip

    def _lost(self, what: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"The WebSocket of the service {self._name} was lost: it {what}.",
            service=self._name, url=self._url,
        )  # fmt: skip

    def _violation(self, what: str, status: int | None = None) -> ContractViolation:
        return ContractViolation(
            f"The WebSocket of the service {self._name} at {self._url} cannot be used: {what}.",
            service=self._name, url=self._url, status=status,
        )  # fmt: skip

    @property
    def _name(self) -> str:
        return self._caller.endpoint.name

    @property
    def _url(self) -> str:
        return self._caller.endpoint.websocket_address(PATH)


class _Closed(Exception):
    """The socket is gone; `code` is what it was closed with, None where it just fell silent or broke."""

    def __init__(self, code: int | None) -> None:
        self.code = code


async def _texts(socket: aiohttp.ClientWebSocketResponse, ping_seconds: float) -> AsyncIterator[str]:
    """What comes in, pongs left out, while pings go out. Raises _Closed."""
    next_ping = time.monotonic() + ping_seconds
    unanswered = 0
    while True:
        try:
            message = await socket.receive(max(next_ping - time.monotonic(), 0.001))
        except TimeoutError:
            if unanswered >= SILENT_PINGS:
                raise _Closed(None) from None
            with contextlib.suppress(ConnectionError):  # the next receive will say so
                await socket.send_str(PING)
            unanswered += 1
            next_ping = time.monotonic() + ping_seconds
            continue
        unanswered = 0
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise _Closed(socket.close_code)
        if message.data != PONG:
            yield message.data


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
