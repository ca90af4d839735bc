"""How fast the Evolution server answers when a hundred clients ask all the time: server and clients a process each."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks._served import Served, percentile, served
from benchmarks.figure import Figure
from dean_airflow.store.store import Store

CONCURRENT = 100
TRIALS = 200
SECONDS = 60.0
WARMING = 2.0
LIMIT = 10
"""Entries of a list that is asked for."""


def run(minutes: float | None) -> list[Figure]:
    """api_latency (p95, ms), api_errors (requests not answered with 200), api_throughput (requests/s)."""
    seconds = SECONDS if minutes is None else min(SECONDS, 60 * minutes)
    with tempfile.TemporaryDirectory() as folder, served("evolution", Path(folder)) as server:
        _fill(server.store)
        latencies, errors, elapsed = asyncio.run(_ask(server, seconds))
    detail = {
        "concurrent": CONCURRENT,
        "requests": len(latencies),
        "p50_ms": round(1e3 * percentile(latencies, 0.5), 1),
        "p99_ms": round(1e3 * percentile(latencies, 0.99), 1),
    }
    return [
        Figure("api_latency", round(1e3 * percentile(latencies, 0.95), 1), "ms", "lower", 200, detail),
        Figure("api_errors", errors, "requests", "lower", 0),
        Figure("api_throughput", round(len(latencies) / elapsed, 1), "1/s", "higher", 100),
    ]


def _fill(store: Store) -> None:
    for number in range(TRIALS):
        trial_id = f"trial-{number:012x}"
        store.trials.create(trial_id, {"repository": f"/srv/project-{number % 7}", "generations": 10})
        store.trials.transition(trial_id, "initializing")
        store.trials.transition(trial_id, "running")
        for generation in range(1, 4):
            data = {"number": generation, "best_fitness": 0.1 * generation, "diversity": 0.5}
            store.events.append(trial_id, "generation", data)
        if number % 3:
            kinds = ("hoist_regex", "bind_before_loop", "unroll_literal_loop", "lift_guard")
            store.patterns.record(
                f"catalogue.{kinds[number % 4]}", "loop", tried=5, confirmed=1, effects=[-0.2], trial_id=trial_id
            )
            store.trials.transition(trial_id, "completed")


async def _ask(server: Served, seconds: float) -> tuple[list[float], int, float]:
    """Each client asks, and when it has its answer asks again; what the first seconds took is not counted."""
    latencies: list[float] = []
    errors = 0
    rng = random.Random(1)
    began = time.perf_counter()
    counted, ends = began + min(WARMING, seconds / 4), began + seconds

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal errors
        headers = server.headers(f"client-{number}", ("viewer",))
        while (now := time.perf_counter()) < ends:
            async with session.get(server.url + _path(rng), headers=headers) as answer:
                await answer.read()
                if now >= counted:
                    latencies.append(time.perf_counter() - now)
                    errors += answer.status != 200

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONCURRENT)) as session:
        await asyncio.gather(*(client(session, number) for number in range(CONCURRENT)))
    return latencies, errors, time.perf_counter() - counted


def _path(rng: random.Random) -> str:
    trial = f"trial-{rng.randrange(TRIALS):012x}"
    return rng.choices(
        (
            f"/evolution/{trial}/status",
            f"/evolution/trials?limit={LIMIT}",
            f"/evolution/results?limit={LIMIT}",
            "/patterns",
            "/evolution/metrics",
            "/health",
        ),
        (50, 15, 10, 10, 5, 10),
    )[0]
