"""Runs a server in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from dean_airflow.errors import ConfigurationError

STOP_SECONDS = 10
"""How long requests under way have to end once the server is to stop."""
LINGER_SECONDS = 0.25
"""How long connections live on that were accepted just before it is to stop: their requests are on the way already."""
SWITCH_SECONDS = 0.0005
"""How long the event loop keeps the interpreter from the threads that ask the store. With Python's own 5 ms each answer
of a busy server waited several times that long for its thread.
"""
WEBSOCKET_BYTES = 65_536
"""The largest message of a client; they send tokens and pings."""
QUEUE = 2048
"""Connections that may wait to be accepted: a thousand clients may come at once."""


class ServerFailed(ConfigurationError):
    """The server could not be started."""


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that connections to host and port (0: any free one) arrive at.

    Raises ConfigurationError, in one sentence: the port is in use or not allowed, the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(QUEUE)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServerFailed(f"Port {port} of {host} is in use already; choose another with --port.") from None
            raise ServerFailed(f"The server cannot listen on {host} port {port}: {error.strerror or error}.") from None
        except OverflowError:
            raise ServerFailed(f"{port} is no port; ports are 1..65535.") from None
        yield listener


@contextlib.contextmanager
def inherited(descriptor: int) -> Iterator[socket.socket]:
    """A socket that somebody else listens on and handed over: connections wait there while servers come and go.

    Raises ConfigurationError where the descriptor is no listening socket.
    """
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ServerFailed(f"Descriptor {descriptor} is no socket ({error.strerror}); see --fd.") from None
    with listener:
        try:
            listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError:
            listens = 0
        if not listens:
            raise ServerFailed(f"Descriptor {descriptor} is a socket that nobody listens on; see --fd.")
        yield listener


def run_server(app: Any, listener: socket.socket, ready: Callable[[str], object] = lambda address: None) -> None:
    """Serves until SIGTERM or SIGINT; then requests under way end and the app's own work is ended with it.

    `ready` is told the address once connections are answered. Raises ConfigurationError if starting up failed,
    KeyboardInterrupt after it was stopped by SIGINT.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    server = _Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            ws="websockets-sansio",
            ws_max_size=WEBSOCKET_BYTES,
            ws_ping_interval=25.0,
            ws_ping_timeout=20.0,
            timeout_graceful_shutdown=STOP_SECONDS,
            timeout_keep_alive=75,
            backlog=QUEUE,
        ),
        lambda: ready(_address(listener)),
    )
    server.run(sockets=[listener])
    if not server.started:
        raise ServerFailed("The server could not be started; what it wrote above says why.")
    if server.interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready
        self.interrupted = False

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal asks to stop, and has then done its work: uvicorn would raise it once more, and die of it."""
        if threading.current_thread() is not threading.main_thread():  # where Python hears of no signal
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No further connections; those there are may bring the request they were made for, then they end."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0 if self.force_exit else LINGER_SECONDS)
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
