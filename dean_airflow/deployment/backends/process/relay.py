"""Leads connections to the release that only probing ones reach: what is verified is what will serve."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

from dean_airflow.deployment.backends.process.steering import PROBE_PORTS, probing_connection
from dean_airflow.deployment.description.addresses import LOOPBACK

SECONDS = 30.0


@contextlib.contextmanager
def relay(host: str, port: int) -> Iterator[tuple[str, int]]:
    """An address of this machine whose connections arrive at host and port as probing ones do."""
    numbers = itertools.count()
    with socket.create_server((LOOPBACK, 0), backlog=64) as door:
        thread = threading.Thread(target=_accept, args=(door, host, port, numbers), name="relay", daemon=True)
        thread.start()
        try:
            yield door.getsockname()[:2]
        finally:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)  # wakes the thread, which closing alone would not
            thread.join(SECONDS)


def _accept(door: socket.socket, host: str, port: int, numbers: Iterator[int]) -> None:
    while True:
        try:
            client, _ = door.accept()
        except OSError:
            return
        threading.Thread(target=_lead, args=(client, host, port, numbers), daemon=True).start()


def _lead(client: socket.socket, host: str, port: int, numbers: Iterator[int]) -> None:
    with client:
        for _ in PROBE_PORTS:
            try:
                stream = probing_connection(host, port, next(numbers), SECONDS)
            except OSError:
                continue
            break
        else:
            return
        with stream:
            back = threading.Thread(target=_pump, args=(stream, client), daemon=True)
            back.start()
            _pump(client, stream)
            back.join(SECONDS)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
