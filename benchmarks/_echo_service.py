"""A service in a process of its own that answers every trial's status at once, and counts its connections."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

LOOPBACK = "127.0.0.1"


@contextmanager
def echo_service() -> Iterator[str]:
    """Its URL; `GET /connections` says how many connections it was opened."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://{LOOPBACK}:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(parent: Connection) -> None:
    import asyncio

    from aiohttp import web

    seen: set[int] = set()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/connections":
            return web.json_response({"connections": len(seen)})
        seen.add(request.transport.get_extra_info("peername")[1])  # type: ignore[union-attr]
        return web.json_response(
            {
                "trial_id": "trial-1",
                "repository": "/code",
                "config": {},
                "status": "running",
                "started_at": "2030-01-01T12:00:00Z",
            }
        )

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/{rest:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        parent.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())
