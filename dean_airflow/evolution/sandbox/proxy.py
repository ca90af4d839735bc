"""An HTTP CONNECT proxy of our own, outside the jail, that reaches the hosts it was given and no others.

TLS runs through it from end to end, so it neither sees nor can change what is fetched.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import unquote, urlsplit

_TLS_PORT = 443
_HEAD_MAX = 16384
"""Bytes of a request's head; pip sends a few hundred."""
_PATIENCE = 60.0
"""Seconds for a request's head and for reaching the host."""
_CONNECTIONS = 64
"""At once; pip opens one per host."""


class IndexProxy:
    """Serves in a thread of its own until `close`. One for each jail."""

    def __init__(self, hosts: Sequence[str], upstream: str = "", socket_path: Path | None = None) -> None:
        """Listen at `socket_path`, or else on a free port of the loopback (`port`).

        `hosts`: `host` (port 443) or `host:port`. `upstream`: URL of a proxy to go through. Raises OSError if it
        cannot listen.
        """
        self._allowed = {_endpoint(host) for host in hosts}
        self._upstream = upstream
        self._connections: set[asyncio.Task[None]] = set()
        listening: Future[int] = Future()
        # In a thread of its own, so that it serves whether or not its owner has an event loop.
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(socket_path, listening)), name="package index proxy", daemon=True
        )
        self._thread.start()
        self.port: int = listening.result()
        """0 when it listens at a path."""

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    async def _serve(self, socket_path: Path | None, listening: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        try:
            if socket_path:
                server = await asyncio.start_unix_server(self._accept, socket_path, limit=_HEAD_MAX)
            else:
                server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_MAX)
        except OSError as error:
            listening.set_exception(error)
            return
        listening.set_result(0 if socket_path else server.sockets[0].getsockname()[1])
        await self._closed.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            await self._tunnel(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Either side went away or talked nonsense; the other one learns by the closed connection.
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(words) != 3 or words[0] != "CONNECT":
            await _answer(writer, "405 Only CONNECT is served")
            return
        host, port = _endpoint(words[1])
        if (host, port) not in self._allowed:
            await _answer(writer, "403 Not the package index")
            return
        if len(self._connections) > _CONNECTIONS:
            await _answer(writer, "503 Too many connections")
            return
        try:
            far_reader, far_writer = await asyncio.wait_for(self._connect(host, port), _PATIENCE)
        except (OSError, TimeoutError):
            await _answer(writer, "502 The package index cannot be reached")
            return
        try:
            await _answer(writer, "200 Connected")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._upstream:
            return await asyncio.open_connection(host, port)
        proxy = urlsplit(self._upstream if "://" in self._upstream else f"http://{self._upstream}")
        secure = ssl.create_default_context() if proxy.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            proxy.hostname, proxy.port or (_TLS_PORT if secure else 80), ssl=secure
        )
        request = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        if proxy.username:
            login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            request += f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"
        writer.write(f"{request}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split(None, 2)[1:2] != [b"200"]:
            writer.close()
            raise ConnectionRefusedError("the upstream proxy refused")
        return reader, writer


def _endpoint(text: str) -> tuple[str, int]:
    """`host`, `host:port` or `[address]:port` as (host in lower case, port); a port that is no number is 0."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_TLS_PORT)
    return host.strip("[]").lower().rstrip("."), int(port) if port.isdecimal() else 0


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of `reader`, then say so to `writer` and leave its other direction open."""
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
