"""Any endpoint that tells its metrics in Prometheus' text, or as OpenMetrics."""

from __future__ import annotations

from typing import Any

from dean_airflow.metrics.sources.http_json import HttpSource
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.prometheus_text import add_exposition
from dean_airflow.services.call import Reply


class PrometheusSource(HttpSource):
    async def read(self, reply: Reply, maker: SampleMaker) -> dict[str, Any]:
        """The number of samples by metric. Raises ContractViolation for what is no exposition."""
        return dict(await add_exposition(reply, maker))
