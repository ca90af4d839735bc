"""An external Evolution service: its health, and what GET /evolution/metrics and /metrics tell of its trials."""

from __future__ import annotations

import asyncio
from typing import Any

from dean_airflow.metrics.sources.json_fields import add_numbers
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.service import ServiceSource

PREFIX = "dean_evolution_service"


class EvolutionSource(ServiceSource):
    async def read(self, maker: SampleMaker) -> dict[str, Any]:
        told, _ = await asyncio.gather(self.ask("/evolution/metrics"), self.exposed(maker))
        return add_numbers(maker, told.json(), PREFIX)
