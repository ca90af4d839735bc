"""How long a page waits for its data, from a started Airflow whose store holds a thousand large trials."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks._airflow import PrivateAirflow
from benchmarks._many_trials import CANDIDATES, fill, trial_id
from benchmarks.figure import Figure
from dean_airflow.store.store import Store

TRIALS = 1000
PAGES = 100
"""Page views that are measured; of a trial page's eight requests each, below what one user may ask a minute."""
CONNECTIONS = 6
"""As many as a browser opens to one server."""
PARTS = ("", "/generations", "/verdicts", "/champion", "/lineage", "/patterns")


def run(minutes: float | None) -> list[Figure]:
    """p95 in ms, of the trial page and the overview. A shortened run has fewer trials, and says so.

    The store is a new SQLite file, or the empty database whose URL is in DEAN_BENCH_STORE.
    """
    trials = TRIALS if minutes is None else max(50, min(TRIALS, int(60 * minutes)))
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        home = Path(folder) / "airflow"
        url = os.environ.get("DEAN_BENCH_STORE") or f"sqlite:///{folder}/dean.db"
        with Store.open(url) as store:
            seconds = fill(store, trials)
        airflow = PrivateAirflow(home, "", AIRFLOW__DEAN__STORE=url)
        with airflow.running("api-server"):
            taken = asyncio.run(_measure(airflow, trials))
    shared = {
        "trials": trials, "candidates": trials * CANDIDATES, "pages": PAGES, "store": url.partition(":")[0],
        "filled_in_seconds": round(seconds, 1),
    }  # fmt: skip
    page, overview = _figures(taken["page"]), _figures(taken["overview"])
    others = {name: _figures(times) for name, times in taken.items() if name not in ("page", "overview")}
    return [
        Figure("page_latency", page["p95"], "ms", "lower", 200, {**shared, **page, "requests": others}),
        Figure("page_latency_overview", overview["p95"], "ms", "lower", 100, {**shared, **overview}),
    ]


async def _measure(airflow: PrivateAirflow, trials: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    rng = random.Random(2)
    limits = httpx.Limits(max_connections=CONNECTIONS)

    def client(user: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {airflow.token(user)}"}
        return httpx.AsyncClient(base_url=f"{airflow.url}/dean/api/v1", headers=headers, limits=limits, timeout=60)

    async with client("viewer") as viewer:
        await _ask(viewer, "/overview", {}, "warm")
        for _ in range(PAGES):
            await _ask(viewer, "/overview", taken, "overview")
            await _ask(viewer, "/trials", taken, "trials")
    async with client("admin") as admin:
        await _page(admin, trial_id(0), {})
        for _ in range(PAGES):
            begun = time.perf_counter()
            await _page(admin, trial_id(rng.randrange(trials)), taken)
            taken.setdefault("page", []).append(1000 * (time.perf_counter() - begun))
    return taken


async def _page(client: httpx.AsyncClient, trial: str, taken: dict[str, list[float]]) -> None:
    """What the page asks: all at once who looks and the parts, then the candidates."""
    here = f"/trials/{trial}"
    await asyncio.gather(
        _ask(client, "/me", taken, "me"),
        *(_ask(client, here + part, taken, part.removeprefix("/") or "trial") for part in PARTS),
    )
    await _ask(client, f"{here}/candidates?sort=fitness&order=desc&limit=25", taken, "candidates")


async def _ask(client: httpx.AsyncClient, path: str, taken: dict[str, list[float]], name: str) -> Any:
    begun = time.perf_counter()
    answer = await client.get(path)
    taken.setdefault(name, []).append(1000 * (time.perf_counter() - begun))
    return answer.raise_for_status().json()


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {"p95": round(ordered[int(0.95 * len(ordered))], 1), "p50": round(ordered[len(ordered) // 2], 1)}
