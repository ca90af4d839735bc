"""A web server with the live feed, its store on SQLite or PostgreSQL, and sockets to it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from benchmarks._airflow import PrivateAirflow, metadata_database

AT_ONCE = 50
"""Sockets that are opened at a time, as a server's queue of new connections allows."""
OPENED_AT_MOST = 2000


@contextmanager
def feed_server(store: str = "") -> Iterator[PrivateAirflow]:
    """A started api-server, its own metadata on SQLite; `store` is the URL of DEAN's store, empty for its default."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name:
        airflow = PrivateAirflow(
            Path(name) / "airflow",
            "",
            AIRFLOW__DEAN__SERVER_SOCKETS_PER_USER=str(OPENED_AT_MOST),
            AIRFLOW__DEAN__SERVER_SOCKETS=str(OPENED_AT_MOST),
            **({"AIRFLOW__DEAN__STORE": store} if store else {}),
        )
        with airflow.running("api-server"):
            yield airflow


def stores() -> Iterator[tuple[str, str]]:
    """What a store is kept in with its URL: SQLite ("": where it is by default), and PostgreSQL where there is one."""
    yield "SQLite", ""
    with metadata_database() as postgres:
        if postgres:
            yield "PostgreSQL", postgres


async def open_sockets(
    session: aiohttp.ClientSession, airflow: PrivateAirflow, count: int, topics: str
) -> list[aiohttp.ClientWebSocketResponse]:
    """As browsers open them, compression included; each has been greeted."""
    address = f"{airflow.url}/dean/ws?topics={topics}"
    headers = {"Authorization": f"Bearer {airflow.token()}"}

    async def connect() -> aiohttp.ClientWebSocketResponse:
        socket = await session.ws_connect(address, headers=headers, compress=15)
        greeting = await socket.receive_str(timeout=60)
        assert '"connection"' in greeting[:30], greeting[:200]
        return socket

    sockets: list[aiohttp.ClientWebSocketResponse] = []
    for start in range(0, count, AT_ONCE):
        sockets += await asyncio.gather(*(connect() for _ in range(min(AT_ONCE, count - start))))
    return sockets
