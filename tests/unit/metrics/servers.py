"""Real services on ephemeral ports, whose answers a test decides."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Service:
    """Answers each path with what `answers` holds for it: JSON-able data, text, bytes, or a response; else 404."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.status = 200
        self.asked: Counter[str] = Counter()
        self.seen_headers: list[dict[str, str]] = []
        self.hanging = asyncio.Event()
        self.hang = False
        self.url = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        self.seen_headers.append(dict(request.headers))
        if self.hang:
            await self.hanging.wait()
        answer = self.answers.get(request.path)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.json_response({"detail": "Not found"}, status=404)
        if isinstance(answer, bytes):
            return web.Response(body=answer, status=self.status, content_type="application/json")
        if isinstance(answer, str):
            return web.Response(text=answer, status=self.status)
        return web.Response(text=json.dumps(answer), status=self.status, content_type="application/json")


@asynccontextmanager
async def running(answers: Mapping[str, Any]) -> AsyncIterator[Service]:
    service = Service(answers)
    server = web.Server(service)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    service.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield service
    finally:
        service.hanging.set()
        await runner.cleanup()


def healthy(service: str, **more: Any) -> dict[str, Any]:
    return {
        "status": "healthy", "service": service, "version": "1.2", "timestamp": "2030-01-01T12:00:00Z",
        "uptime_seconds": 5, **more,
    }  # fmt: skip


def indexagent() -> dict[str, Any]:
    """The answers of a well IndexAgent."""
    return {
        "/health": healthy("indexagent"),
        "/evolution/metrics": {
            "total_agents": 3,
            "active_populations": 1,
            "average_fitness": None,
            "metrics": {"agents_created": 7, "patterns_extracted": 2, "search_queries": 9, "avg_query_time_ms": 250.0},
        },
    }
