"""What a hook adds to a call: EvolutionHook's over a bare aiohttp session's, of the same service, in turns."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import aiohttp

from benchmarks._echo_service import echo_service
from benchmarks.figure import Figure

CALLS = 1000


def run(minutes: float | None) -> list[Figure]:
    """hook_overhead (ms a call), hook_connections (opened for all of them)."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as name, echo_service() as url:
        _be_airflow(Path(name), url)
        from dean_airflow.hooks.evolution import EvolutionHook

        hook = EvolutionHook()
        bare, hooked = _measure(url, hook)
        opened = hook.run("connections").json()["connections"] - 1  # the bare session's own
        hook.pool.close()
    added = [1000 * (one - other) for one, other in zip(hooked, bare, strict=True)]
    detail = {
        "calls": len(added),
        "bare_ms": round(1000 * median(bare), 3),
        "hook_ms": round(1000 * median(hooked), 3),
        "mean_ms": round(mean(added), 3),
        "p95_ms": round(quantiles(added, n=20)[-1], 3),
    }
    return [
        Figure("hook_overhead", round(median(added), 3), "ms", "lower", 2, detail),
        Figure("hook_connections", opened, "1", "lower", 1, {"calls": len(added)}),
    ]


def _be_airflow(home: Path, url: str) -> None:
    """Before airflow is imported: a home of its own, and the connection where it looks first."""
    os.environ["AIRFLOW_HOME"] = str(home)
    os.environ["AIRFLOW__DEAN__DATA_DIR"] = str(home / "dean")
    connection = {"conn_type": "dean_evolution", "host": url, "password": "k" * 40}
    os.environ["AIRFLOW_CONN_DEAN_EVOLUTION"] = json.dumps(connection)
    for other in ("INDEXAGENT", "AIRFLOW_API"):
        os.environ[f"AIRFLOW_CONN_DEAN_{other}"] = json.dumps({"conn_type": f"dean_{other.lower()}", "host": url})


def _measure(url: str, hook: Any) -> tuple[list[float], list[float]]:
    """Seconds of each bare and each hooked call, which take turns so that both meet the same noise."""
    bare: list[float] = []
    hooked: list[float] = []
    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(_session())

    async def get() -> Any:
        async with session.get(f"{url}/evolution/trial-1/status") as answer:
            return await answer.json()

    def timed(times: list[float], call: Any) -> None:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)

    for number in range(CALLS + 20):
        turns = [(bare, lambda: loop.run_until_complete(get())), (hooked, lambda: hook.call(_trial))]
        for times, call in turns if number % 2 else reversed(turns):
            timed(times, call)
    loop.run_until_complete(session.close())
    loop.close()
    return bare[20:], hooked[20:]


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def _trial(evolution: Any) -> Any:
    return evolution.trial("trial-1")
