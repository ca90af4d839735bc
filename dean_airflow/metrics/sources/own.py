"""DEAN itself: its trials and its store. What a single trial comes to, its engine writes: see `trials.py`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from dean_airflow import __version__
from dean_airflow.errors import StoreError
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.source import TIMEOUT, Reading
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.store.figures import StoreFigures, figures
from dean_airflow.store.store import Store


class OwnSource:
    def __init__(self, store: Store, *, name: str = "dean", timeout: float = TIMEOUT) -> None:
        self.name, self.timeout = name, timeout
        self._store = store

    async def collect(self, at: int) -> Reading:
        maker = SampleMaker(self.name, at)
        of = {"service_name": self.name}
        begun = time.perf_counter()
        try:
            found = await asyncio.to_thread(figures, self._store)
        except StoreError as error:
            maker.add("dean_service_health", 0, of)
            health = ServiceHealth(status="unhealthy", error=str(error))
            return Reading(health, {}, maker.samples, str(error))
        seconds = time.perf_counter() - begun
        maker.add("dean_service_health", 1, of)
        maker.add("dean_service_degraded", 0, of)
        maker.add("dean_service_info", 1, {**of, "version": __version__})
        maker.add("dean_store_query_seconds", seconds)
        metrics = add_figures(maker, found)
        health = ServiceHealth(status="healthy", latency_ms=round(1000 * seconds, 1), version=__version__)
        return Reading(health, metrics, maker.samples)


def add_figures(maker: SampleMaker, found: StoreFigures) -> dict[str, Any]:
    """The samples of what the store holds; the same as a mapping."""
    maker.add("dean_evolution_trials_active", found.active)
    maker.add("dean_evolution_trials_total", found.ever)
    for status, count in found.by_status.items():
        maker.add("dean_evolution_trials", count, {"status": status})
    for outcome, count in found.by_outcome.items():
        maker.add("dean_evolution_outcomes", count, {"outcome": outcome})
    if found.last_generation is not None:
        maker.add("dean_evolution_last_generation_timestamp_seconds", found.last_generation.timestamp())
    maker.add("dean_store_size_bytes", found.size_bytes)
    maker.add("dean_store_connections", found.connections)
    maker.add("dean_store_series", found.series)
    return {
        "trials_active": found.active,
        "trials_total": found.ever,
        "trials": found.by_status,
        "outcomes": found.by_outcome,
        "store_size_bytes": found.size_bytes,
    }
