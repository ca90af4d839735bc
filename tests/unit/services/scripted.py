"""A service that answers what its test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawAnswer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

TRIAL = {
    "trial_id": "trial-1",
    "repository": "/code",
    "config": {},
    "status": "running",
    "started_at": "2030-01-01T12:00:00Z",
}
HEALTH = {
    "status": "healthy",
    "service": "evolution",
    "version": "1",
    "timestamp": "2030-01-01T12:00:00Z",
    "uptime_seconds": 1,
}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    connection: object


class Scripted:
    """`script` holds the answers to come, the last of which stays; `health` is what it says of itself."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Answer] = [json_answer(TRIAL)]
        self._news = asyncio.Condition()
        self.health: dict[str, Any] = dict(HEALTH)

    @property
    def calls(self) -> list[Asked]:
        """Without those for health."""
        return [one for one in self.asked if one.path != "/health"]

    async def was_called(self, times: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.calls) >= times)

    def answers(self, *script: Answer) -> None:
        self.script = list(script)

    async def __aenter__(self) -> Scripted:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        asked = Asked(
            request.method, request.path, dict(request.query), {n.lower(): v for n, v in request.headers.items()}, body,
            request.transport,
        )  # fmt: skip
        async with self._news:
            self.asked.append(asked)
            self._news.notify_all()
        if request.path == "/health":
            return web.json_response(self.health)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request)


@contextlib.contextmanager
def scripted_in_a_thread() -> Iterator[Scripted]:
    """For ordinary code to call: in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        service = asyncio.run_coroutine_threadsafe(_entered(), loop).result(10)
        yield service
        asyncio.run_coroutine_threadsafe(service.__aexit__(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _entered() -> Scripted:
    return await Scripted().__aenter__()


def json_answer(body: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=named)

    return answer


def text_answer(text: str, status: int = 200, content_type: str = "application/json") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type)

    return answer


def refused(status: int, detail: Any = "no", **headers: str) -> Answer:
    return json_answer({"detail": detail}, status, **headers)


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def drops(request: web.Request) -> web.StreamResponse:
    """The request was read, and no answer comes."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """An answer that never ends, a byte at a time: slow-loris the other way round."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


async def truncates(request: web.Request) -> web.StreamResponse:
    """Half of what its Content-Length promises."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"trial_id": "tri')
    assert request.transport is not None
    request.transport.close()
    return response


@contextlib.asynccontextmanager
async def raw_service(answer: RawAnswer) -> AsyncIterator[str]:
    """A server of bare bytes; gives its URL."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def nobody() -> str:
    """A URL at which nothing listens."""
    async with raw_service(_never) as url:
        return url


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
