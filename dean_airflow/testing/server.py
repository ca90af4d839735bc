"""Serves an ASGI app over real HTTP on a free port, in the running loop, and dies or comes back on command."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "transport"
"""Name in a scope's state of the connection, so that a fault can cut it."""


class StubServer:
    """Listens on 127.0.0.1. `start` after `stop` takes the same port again, so a test can kill and revive a service."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self._app = app
        self.port = port
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Returns once it listens. Raises OSError if the port is taken."""
        if self._server is not None:
            return
        listening = socket.socket()
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self.port))
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app, http=_Protocol, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listening]))
        await self._server.ready.wait()

    async def stop(self) -> None:
        """As when the process is killed: every connection is cut, requests under way are not answered."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.leave()
        await self._serving


class _Protocol(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """Leaves the process's signals alone and ends at once when told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.ready.set()
        await self._left.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
