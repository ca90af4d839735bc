"""What a thousand sockets that hear nothing cost the web server in memory."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import psutil

from benchmarks._airflow import PrivateAirflow
from benchmarks._feed_stack import feed_server, open_sockets
from benchmarks.figure import Figure

SOCKETS = 1000
WARM = 50
STEADY = 5
"""Looks in a row, a second apart, between which memory grows by less than a MiB."""
PATIENCE = 60.0


def run(minutes: float | None) -> list[Figure]:
    """idle_sockets: MB of resident memory that a thousand of them add."""
    with feed_server() as airflow:
        before, after = asyncio.run(_measure(airflow))
    detail = {"sockets": SOCKETS, "before_mb": round(before / 1e6, 1), "after_mb": round(after / 1e6, 1)}
    detail["kb_each"] = round((after - before) / SOCKETS / 1e3, 1)
    return [Figure("idle_sockets", round((after - before) / 1e6, 1), "MB", "lower", 100, detail)]


async def _measure(airflow: PrivateAirflow) -> tuple[int, int]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for socket in await open_sockets(session, airflow, WARM, "trials,alerts"):  # what is loaded once is loaded
            await socket.close()
        before = await _steady()
        sockets = await open_sockets(session, airflow, SOCKETS, "trials,alerts")
        after = await _steady()
        assert not any(socket.closed for socket in sockets)
        await asyncio.gather(*(socket.close() for socket in sockets))
    return before, after


async def _steady() -> int:
    """The server's resident memory, once it does not change any more."""
    deadline, looks = time.monotonic() + PATIENCE, [_memory()]
    while time.monotonic() < deadline:
        await asyncio.sleep(1.0)
        looks.append(_memory())
        if len(looks) > STEADY and max(looks[-STEADY:]) - min(looks[-STEADY:]) < 2**20:
            break
    return looks[-1]


def _memory() -> int:
    """Of all processes of the server, which are all that this one has started; bytes."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += int(process.memory_info().rss)
    return total
