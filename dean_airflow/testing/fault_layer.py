"""The layer around a stub's app that records what comes and lets happen what the faults say."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dean_airflow.services.contract.capabilities import API_PREFIX
from dean_airflow.services.contract.errors import CODES
from dean_airflow.testing.faults import Fault, Faults
from dean_airflow.testing.recorder import Recorded, Recorder
from dean_airflow.testing.server import TRANSPORT
from dean_airflow.testing.spoilers import spoiled_text

ADMIN_PREFIX = "/_stub"


@dataclass
class _Answer:
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class FaultLayer:
    """ASGI middleware. Answers are small, so each is made whole before it is spoiled."""

    def __init__(self, app: ASGIApp, faults: Faults, recorder: Recorder) -> None:
        self._app, self._faults, self._recorder = app, faults, recorder
        self._held: list[tuple[Fault, asyncio.Event]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(ADMIN_PREFIX):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        path = canonical(scope["path"])
        self._recorder.add(_recorded(scope, scope["method"], body))
        faults = self._faults.take(scope["method"], path)
        kinds = {fault.kind: fault for fault in faults}
        if "drop" in kinds:
            await _cut(scope, receive)
            return
        if "status" in kinds:
            answer = _instead(kinds["status"])
        else:
            await self._wait_for_turn(kinds.get("out_of_order"))
            answer = await self._handle(scope, body)
            if "duplicate" in kinds:
                answer = await self._handle(scope, body)
        if "lose_answer" in kinds:
            await _cut(scope, receive)
            return
        for fault in faults:
            answer = _spoiled(answer, fault)
        if "latency" in kinds:
            await asyncio.sleep(kinds["latency"].seconds)
        await self._deliver(answer, kinds, scope, receive, send)
        self._let_go(scope["method"], path)

    async def _handle(self, scope: Scope, body: bytes) -> _Answer:
        answer = _Answer()
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return unread.pop() if unread else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await self._app({**scope, "state": dict(scope.get("state", {}))}, receive, send)
        return answer

    @staticmethod
    async def _deliver(answer: _Answer, kinds: dict[Any, Fault], scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if "truncate" in kinds:
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            await _cut(scope, receive, politely=True)
        elif "slow_loris" in kinds:
            await _drip(answer.body, kinds["slow_loris"].seconds, receive, send)
        else:
            await send({"type": "http.response.body", "body": answer.body})

    async def _wait_for_turn(self, fault: Fault | None) -> None:
        if fault is None:
            return
        turn = asyncio.Event()
        self._held.append((fault, turn))
        try:
            await asyncio.wait_for(turn.wait(), fault.seconds)
        except TimeoutError:
            pass
        finally:
            self._held.remove((fault, turn))

    def _let_go(self, method: str, path: str) -> None:
        for fault, turn in self._held:
            if fault.concerns(method, path):
                turn.set()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = canonical(scope["path"])
        self._recorder.add(_recorded(scope, "WS", b""))
        refused = self._faults.take("WS", path, kinds={"status"})
        if refused:
            await receive()  # the handshake itself
            await _refuse(refused[0], scope, send)
            return
        late: list[Message] = []
        frame_kinds = {"latency", "drop", "lose_answer", "truncate", "slow_loris", "malformed", "wrong_types",
                       "unknown_fields", "duplicate", "out_of_order"}  # fmt: skip

        async def spoiling(message: Message) -> None:
            if message["type"] != "websocket.send" or message.get("text") is None:
                await send(message)
                return
            faults = {fault.kind: fault for fault in self._faults.take("WS", path, kinds=frame_kinds)}
            if "out_of_order" in faults:
                late.append(message)
                return
            await _send_frame(message["text"], faults, scope, send)
            while late:
                await send(late.pop())

        await self._app(scope, receive, spoiling)


def canonical(path: str) -> str:
    """The path of the contract: the mounting at /api/v1 is the same route."""
    return path.removeprefix(API_PREFIX) or "/"


async def _whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _recorded(scope: Scope, method: str, body: bytes) -> Recorded:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Recorded(method, scope["path"], scope["query_string"].decode("latin-1"), headers, body)


def _instead(fault: Fault) -> _Answer:
    body = fault.body
    if body is None:
        body = {"detail": f"A fault that the stub was told to have: {fault.status}", "code": CODES.get(fault.status)}
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json", **fault.headers}
    return _Answer(fault.status, [(k.lower().encode(), v.encode()) for k, v in headers.items()], text.encode())


def _spoiled(answer: _Answer, fault: Fault) -> _Answer:
    return _Answer(answer.status, answer.headers, spoiled_text(answer.body.decode(), fault.kind).encode())


async def _cut(scope: Scope, receive: Receive, *, politely: bool = False) -> None:
    """Ends the connection; `politely` sends first what was written."""
    transport: asyncio.Transport = scope["state"][TRANSPORT]
    if politely:
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


async def _drip(body: bytes, seconds: float, receive: Receive, send: Send) -> None:
    gone = asyncio.ensure_future(receive())
    try:
        for number in range(len(body)):
            done, _ = await asyncio.wait([gone], timeout=seconds)
            if done:
                return
            await send({"type": "http.response.body", "body": body[number : number + 1], "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _refuse(fault: Fault, scope: Scope, send: Send) -> None:
    answer = _instead(fault)
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})


async def _send_frame(text: str, faults: dict[Any, Fault], scope: Scope, send: Send) -> None:
    if "drop" in faults:
        scope["state"][TRANSPORT].abort()
        return
    if "lose_answer" in faults:
        return
    for fault in faults.values():
        text = spoiled_text(text, fault.kind)
    if "truncate" in faults:
        text = text[: len(text) // 2]
    if "latency" in faults:
        await asyncio.sleep(faults["latency"].seconds)
    if "slow_loris" in faults:
        for character in text:
            await asyncio.sleep(faults["slow_loris"].seconds)
            await send({"type": "websocket.send", "text": character})
        return
    for _ in range(2 if "duplicate" in faults else 1):
        await send({"type": "websocket.send", "text": text})
