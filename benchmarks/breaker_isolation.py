"""Whether a dead service slows the calls of a living one, and how fast it is refused once its circuit is open."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from statistics import median, quantiles

from benchmarks._echo_service import LOOPBACK, echo_service
from benchmarks.figure import Figure
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import CircuitOpen, ServiceError
from dean_airflow.services.pool import ServicePool
from dean_airflow.store.store import Store

ROUNDS = 12
ROUND_SECONDS = 1.0
CALLERS = 4
"""Of each service, at a time."""
DEAD_PAUSE = 0.02
"""Seconds between two calls of one caller of the dead service: 200 refusals a second in all."""


def run(minutes: float | None) -> list[Figure]:
    """breaker_isolation (ratio of a living service's latency, a dead one
    beside it or not, the median over rounds), breaker_refusal (ms, the 99th of a hundred)."""
    rounds = ROUNDS if minutes is None else max(4, int(minutes * 60 / (2 * ROUND_SECONDS)))
    return asyncio.run(_run(rounds))


async def _run(rounds: int) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="dean-bench-") as home,
        echo_service() as url,
        Store.open(f"sqlite:///{home}/dean.db") as store,
    ):
        endpoints = [
            ServiceEndpoint("evolution", "evolution", url),
            ServiceEndpoint("indexagent", "indexagent", f"http://{LOOPBACK}:{_unused_port()}"),
        ]
        async with ServicePool(endpoints, store=store) as pool:
            await _open_circuit(pool)
            await _living(pool, 0.5)
            alone: list[list[float]] = []
            beside: list[list[float]] = []
            refused: list[float] = []
            for _ in range(rounds):
                alone.append(await _living(pool, ROUND_SECONDS))
                calls, refusals = await asyncio.gather(_living(pool, ROUND_SECONDS), _dead(pool, ROUND_SECONDS))
                beside.append(calls)
                refused += refusals
    ratios = [median(with_dead) / median(without) for with_dead, without in zip(beside, alone, strict=True)]
    detail = {
        "calls": sum(map(len, alone + beside)),
        "alone_ms": round(1000 * median(map(median, alone)), 3),
        "beside_ms": round(1000 * median(map(median, beside)), 3),
        "p95_ratio": round(_p95(beside) / _p95(alone), 3),
    }
    slowest = {"refusals": len(refused), "median_ms": round(1000 * median(refused), 3)}
    return [
        Figure("breaker_isolation", round(median(ratios), 3), "ratio", "lower", 1.1, detail),
        Figure("breaker_refusal", round(1000 * quantiles(refused, n=100)[-1], 3), "ms", "lower", 5, slowest),
    ]


async def _open_circuit(pool: ServicePool) -> None:
    while True:
        try:
            await pool.indexagent.index_status()
        except CircuitOpen:
            return
        except ServiceError:
            continue


async def _living(pool: ServicePool, seconds: float) -> list[float]:
    """Seconds of each call."""
    end = time.perf_counter() + seconds
    taken: list[float] = []

    async def caller() -> None:
        while (begun := time.perf_counter()) < end:
            await pool.evolution.trial("trial-1")
            taken.append(time.perf_counter() - begun)
            await asyncio.sleep(0.005)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return taken


async def _dead(pool: ServicePool, seconds: float) -> list[float]:
    """Seconds until each call was refused."""
    end = time.perf_counter() + seconds
    taken: list[float] = []

    async def caller() -> None:
        while (begun := time.perf_counter()) < end:
            try:
                await pool.indexagent.index_status()
            except CircuitOpen:
                taken.append(time.perf_counter() - begun)
            except ServiceError:
                pass  # the one probe of a minute
            await asyncio.sleep(DEAD_PAUSE)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return taken


def _p95(rounds: list[list[float]]) -> float:
    return quantiles([seconds for one in rounds for seconds in one], n=20)[-1]


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
