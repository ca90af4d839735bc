"""IndexAgent: its health, and what GET /evolution/metrics and /metrics tell of agents, populations and patterns."""

from __future__ import annotations

import asyncio
from typing import Any

from dean_airflow.metrics.sources.json_fields import add_numbers
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.service import ServiceSource

PREFIX = "dean_indexagent"
_COUNTERS = frozenset({"metrics_agents_created", "metrics_patterns_extracted", "metrics_search_queries"})


class IndexAgentSource(ServiceSource):
    async def read(self, maker: SampleMaker) -> dict[str, Any]:
        told, _ = await asyncio.gather(self.ask("/evolution/metrics"), self.exposed(maker))
        return add_numbers(maker, told.json(), PREFIX, _COUNTERS)
