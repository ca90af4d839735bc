"""A TCP proxy that is a bad network: put between a client and a service, it delays, narrows, cuts and heals."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dean_airflow.testing.background import BackgroundLoop
from dean_airflow.testing.conditions import PERFECT, Conditions, Direction, Phase

_CHUNK = 16384
"""Bytes read at a time; also what a narrow line is let through at a time, at most."""
_IN_FLIGHT = 64
"""Chunks that may be under way in one direction before the sender is slowed down."""


class FaultProxy:
    """Forwards TCP to `target` (`host:port` or a URL) from a free port of the loopback.

    In a test without a running loop: `with FaultProxy(url) as proxy`. Within one: `async with FaultProxy(url) as
    proxy`. All other methods may be called from any thread and act at once on open connections and on new ones.
    """

    def __init__(self, target: str, *, seed: int = 0) -> None:
        """`seed` decides the jitter. Raises ValueError if the target names no port."""
        parts = urlsplit(target if "//" in target else f"//{target}")
        if not parts.hostname or not parts.port:
            raise ValueError(f"A fault proxy needs a host and a port to forward to, not {target!r}.")
        self._parts, self._host, self._target_port = parts, parts.hostname, parts.port
        self._chance = random.Random(seed)
        self.up: Conditions = PERFECT
        self.down: Conditions = PERFECT
        self.refusing = False
        self.accepted = 0
        """Connections so far."""
        self.port = 0
        self._connections: set[_Connection] = set()
        self._background: BackgroundLoop | None = None

    @property
    def address(self) -> str:
        """`host:port` to connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The target's URL with the proxy in the place of its host and port."""
        return urlunsplit(self._parts._replace(scheme=self._parts.scheme or "tcp", netloc=self.address))

    def set(
        self,
        *,
        latency: float | None = None,
        jitter: float | None = None,
        bandwidth: float | None = None,
        direction: Direction = "both",
    ) -> None:
        """Changes what is given, in one direction or both; units as in `Conditions`."""
        given = {"latency": latency, "jitter": jitter, "bandwidth": bandwidth}
        self._change(direction, {name: value for name, value in given.items() if value is not None})

    def black_hole(self, direction: Direction = "both") -> None:
        """From now on nothing comes through; connections stay open and new ones are accepted."""
        self._change(direction, {"black_hole": True})

    def heal(self) -> None:
        """A perfect network again; what a black hole held is delivered."""
        self.up = self.down = PERFECT
        self.refusing = False
        self._each(_Connection.wake)

    def refuse(self) -> None:
        """New connections are reset at once, until `heal`; open ones go on."""
        self.refusing = True

    def reset(self) -> None:
        """Every open connection is reset (RST) on both sides."""
        self._each(_Connection.reset)

    def half_close(self, direction: Direction = "down") -> None:
        """Every open connection gets an end-of-file in that direction; the other one goes on."""
        self._each(lambda connection: connection.half_close(direction))

    async def play(
        self, schedule: Iterable[Phase], *, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        """Goes through the phases, each for its seconds; the last one stays."""
        for phase in schedule:
            self.up, self.down = phase.up, phase.down
            self._each(_Connection.wake)
            if phase.reset:
                self.reset()
            await sleep(phase.seconds)

    async def start(self) -> None:
        """Listens in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listens no more and resets every connection; `start` takes the same port again."""
        self._server.close()
        for connection in set(self._connections):
            connection.reset()
        await asyncio.gather(*(connection.ended.wait() for connection in set(self._connections)))

    def _change(self, direction: Direction, values: dict[str, Any]) -> None:
        if direction in ("both", "up"):
            self.up = replace(self.up, **values)
        if direction in ("both", "down"):
            self.down = replace(self.down, **values)

    def _each(self, action: Callable[[_Connection], None]) -> None:
        def act() -> None:
            for connection in set(self._connections):
                action(connection)

        self._loop.call_soon_threadsafe(act)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            _abort(writer)
            return
        try:
            onward = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            _abort(writer)
            return
        connection = _Connection(self, (reader, writer), onward)
        self._connections.add(connection)
        try:
            await connection.forward(self._chance)
        finally:
            self._connections.discard(connection)

    async def __aenter__(self) -> FaultProxy:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> FaultProxy:
        self._background = BackgroundLoop("dean-fault-proxy")
        self._background.run(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._background is not None
        self._background.run(self.stop())
        self._background.stop()


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """A client's connection and ours to the service."""

    def __init__(self, proxy: FaultProxy, client: _Streams, service: _Streams) -> None:
        self._proxy = proxy
        self._client, self._service = client, service
        self._half_closed: set[asyncio.StreamWriter] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self.ended = asyncio.Event()

    async def forward(self, chance: random.Random) -> None:
        """Until both directions have ended or either side is gone."""
        loop = asyncio.get_running_loop()
        under_way = [asyncio.Queue[tuple[float, bytes]](_IN_FLIGHT) for _ in range(2)]
        ways: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, Callable[[], Conditions]]] = [
            (self._client[0], self._service[1], lambda: self._proxy.up),
            (self._service[0], self._client[1], lambda: self._proxy.down),
        ]
        for queue, (reader, writer, conditions) in zip(under_way, ways, strict=True):
            self._tasks.append(loop.create_task(self._take(reader, queue, conditions, chance)))
            self._tasks.append(loop.create_task(self._give(queue, writer, conditions)))
        try:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
            if any(task.cancelled() or task.exception() for task in done):
                self.reset()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for _, writer in (self._client, self._service):
                writer.close()
            self.ended.set()

    async def _take(
        self,
        reader: asyncio.StreamReader,
        queue: asyncio.Queue[tuple[float, bytes]],
        conditions: Callable[[], Conditions],
        chance: random.Random,
    ) -> None:
        due = 0.0
        chunk = b"-"
        while chunk:
            chunk = await reader.read(_CHUNK)
            now = asyncio.get_running_loop().time()
            due = max(due, now + conditions().delay(chance))
            await queue.put((due, chunk))

    async def _give(
        self,
        queue: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
        conditions: Callable[[], Conditions],
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, chunk = await queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            while conditions().black_hole:
                self._changed.clear()
                await self._changed.wait()
            if not chunk:
                self._end(writer)
                return
            if writer in self._half_closed:
                continue
            await self._squeeze(chunk, writer, conditions().bandwidth)

    @staticmethod
    async def _squeeze(chunk: bytes, writer: asyncio.StreamWriter, bandwidth: float | None) -> None:
        if bandwidth is None:
            writer.write(chunk)
            await writer.drain()
            return
        piece = max(1, min(_CHUNK, int(bandwidth / 20)))
        for start in range(0, len(chunk), piece):
            part = chunk[start : start + piece]
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(len(part) / bandwidth)

    def wake(self) -> None:
        """Conditions have changed: look at them again."""
        self._changed.set()

    def half_close(self, direction: Direction) -> None:
        writers = {"up": [self._service[1]], "down": [self._client[1]]}
        for writer in writers.get(direction, [self._service[1], self._client[1]]):
            self._end(writer)

    def reset(self) -> None:
        for _, writer in (self._client, self._service):
            _abort(writer)
        for task in self._tasks:
            task.cancel()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._half_closed.add(writer)
        with contextlib.suppress(OSError):  # the peer may be gone, which its other direction reports
            writer.write_eof()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Closes so that the peer sees a reset, not an orderly end."""
    connected: socket.socket | None = writer.get_extra_info("socket")
    if connected is not None and connected.fileno() != -1:
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
