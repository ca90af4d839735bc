"""An external Evolution service: its health, and what GET /evolution/metrics tells of its trials."""

from __future__ import annotations

from typing import Any

from dean_airflow.metrics.sources.json_fields import add_numbers
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.service import ServiceSource

PREFIX = "dean_evolution_service"


class EvolutionSource(ServiceSource):
    async def read(self, maker: SampleMaker) -> dict[str, Any]:
        return add_numbers(maker, (await self.ask("/evolution/metrics")).json(), PREFIX)
