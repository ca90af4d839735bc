"""Collecting from 200 services that answer in 20 ms, over real HTTP; and what one that hangs costs the others."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figure import Figure
from dean_airflow.metrics.collector import MetricsCollector
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sources.http_json import HttpSource
from dean_airflow.metrics.sources.registry import WATCHED
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.store.store import Store

SERVICES = 200
ANSWER_SECONDS = 0.02
ROUNDS = 12
HUNG_SECONDS = 3.0


class Watch(History):
    """Remembers when the samples of how many services were on disk."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.kept_at: dict[str, float] = {}

    def append(self, samples: Any, **options: Any) -> Any:
        batch = list(samples)
        kept = super().append(batch, **options)
        now = time.perf_counter()
        for sample in batch:
            self.kept_at.setdefault(sample.service, now)
        return kept


def run(minutes: float | None) -> list[Figure]:
    """collect_200: seconds of one whole collection, its samples on disk. collect_200_hung: the ratio of the time until
    all 200 are on disk with a hung one beside them and without."""
    rounds = ROUNDS if minutes is None else max(3, int(ROUNDS * minutes))
    command = [sys.executable, "-m", "benchmarks._many_services", str(SERVICES), str(ANSWER_SECONDS)]
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            *ports, hung = map(int, process.stdout.readline().split())
            with Store.open(f"sqlite:///{Path(folder) / 'dean.db'}") as store:
                alone, beside = asyncio.run(_compare(store, ports, hung, rounds))
        finally:
            process.kill()
            process.wait()
    detail = {"services": SERVICES, "answer_seconds": ANSWER_SECONDS, "rounds": rounds}
    return [
        Figure("collect_200", round(median(alone), 3), "s", "lower", 1.0, {**detail, "first": round(alone[0], 3)}),
        Figure(
            "collect_200_hung", round(median(beside) / median(alone), 2), "ratio", "lower", 1.25,
            {**detail, "alone": round(median(alone), 3), "beside_a_hung_one": round(median(beside), 3)},
        ),
    ]  # fmt: skip


async def _compare(store: Store, ports: list[int], hung: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds until the samples of all answering services are on disk; the two in turn, since machines change."""
    endpoints = [_endpoint(f"s{number}", port) for number, port in enumerate(ports)]
    alone, beside = [], []
    async with ServicePool([*endpoints, _endpoint("hung", hung)], connections=2 * SERVICES) as pool:
        sources = [HttpSource(pool, endpoint.name) for endpoint in endpoints]
        with_hung = [*sources, HttpSource(pool, "hung", timeout=HUNG_SECONDS)]
        names = [source.name for source in sources]
        for _ in range(rounds):
            for found, asked in ((alone, sources), (beside, with_hung)):
                history = Watch(store)
                begun = time.perf_counter()
                await MetricsCollector(asked, history=history).collect()
                found.append(max(history.kept_at[name] for name in names) - begun)
    return alone, beside


def _endpoint(name: str, port: int) -> ServiceEndpoint:
    return ServiceEndpoint(name, "http", f"http://127.0.0.1:{port}/", breaker=WATCHED)
