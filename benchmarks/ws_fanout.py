"""How soon a thousand idle sockets hear of an event that another process has put into the store."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks._served import Served, percentile, served
from benchmarks.figure import Figure

CLIENTS = 1000
EACH_USER = 10
UPDATES = 60
PAUSE = 1.0
"""Seconds between two updates: a generation takes at least that."""
PATIENCE = 20.0
TRIAL = "trial-00000000fa9e"


def run(minutes: float | None) -> list[Figure]:
    """ws_fanout (p95 from event to client, ms), ws_lost (frames that did not arrive)."""
    updates = UPDATES if minutes is None else max(5, min(UPDATES, int(60 * minutes / PAUSE)))
    with (
        tempfile.TemporaryDirectory() as folder,
        served("evolution", Path(folder), server_connections=CLIENTS + 100, server_sockets=CLIENTS + 100) as server,
    ):
        latencies = asyncio.run(_listen(server, updates))
    expected = CLIENTS * updates
    detail = {
        "clients": CLIENTS,
        "updates": updates,
        "p50_ms": round(1e3 * percentile(latencies, 0.5), 1),
        "max_ms": round(1e3 * max(latencies), 1),
    }
    return [
        Figure("ws_fanout", round(1e3 * percentile(latencies, 0.95), 1), "ms", "lower", 500, detail),
        Figure("ws_lost", expected - len(latencies), "frames", "lower", 0),
    ]


async def _listen(server: Served, updates: int) -> list[float]:
    sent: dict[int, float] = {}
    latencies: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sockets = []
        for start in range(0, CLIENTS, 50):  # as a server's queue of new connections allows
            group = range(start, start + 50)
            sockets += await asyncio.gather(*(_connect(session, server, number) for number in group))
        heard = [asyncio.create_task(_hear(socket, updates, sent, latencies)) for socket in sockets]
        await asyncio.to_thread(_open_trial, server)
        for number in range(1, updates + 1):
            await asyncio.sleep(PAUSE)
            sent[number] = time.perf_counter()
            await asyncio.to_thread(_tell, server, number)
        await asyncio.wait(heard, timeout=PATIENCE)
        for task in heard:
            task.cancel()
        await asyncio.gather(*heard, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in sockets))
    return latencies


async def _connect(session: aiohttp.ClientSession, server: Served, number: int) -> aiohttp.ClientWebSocketResponse:
    headers = server.headers(f"user-{number // EACH_USER}", ("viewer",))
    socket = await session.ws_connect(server.url + "/ws", headers=headers)
    assert (await socket.receive_json())["type"] == "connection"
    return socket


async def _hear(
    socket: aiohttp.ClientWebSocketResponse, updates: int, sent: dict[int, float], latencies: list[float]
) -> None:
    async for message in socket:
        number = json.loads(message.data)["data"].get("generation")
        if number is not None:
            latencies.append(time.perf_counter() - sent[number])
            if number == updates:
                return


def _open_trial(server: Served) -> None:
    server.store.trials.create(TRIAL, {"repository": "/srv/project", "generations": 100})
    server.store.trials.transition(TRIAL, "initializing")
    server.store.trials.transition(TRIAL, "running")
    server.store.events.append(TRIAL, "trial_started")


def _tell(server: Served, number: int) -> None:
    data = {"number": number, "best_fitness": min(1.0, number / 100), "diversity": 0.5}
    server.store.events.append(TRIAL, "generation", data)
