"""Figures of a server in Prometheus' text form."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT_TYPE = "text/plain; version=0.0.4"
BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10)
"""Seconds; from the contract's `dean_api_latency`."""


class ServerMetrics:
    """Counts requests; its `text` has them together with gauges of the moment."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dean_api_requests", "Requests answered.", ["endpoint", "method", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "dean_api_latency", "Seconds until a request was answered.", buckets=BUCKETS, registry=self._registry
        )

    def observe(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(endpoint, method, str(status)).inc()
        self._latency.observe(seconds)

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """`gauges`: name → (help, value), as of now."""
        of_now = CollectorRegistry()
        for name, (meaning, value) in gauges.items():
            Gauge(name, meaning, registry=of_now).set(value)
        return (generate_latest(self._registry) + generate_latest(of_now)).decode()


class Measured:
    """ASGI middleware inside an app's routing: measures what its routes take."""

    def __init__(self, app: ASGIApp, metrics: ServerMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope.get("route")
            endpoint = getattr(route, "path", "unknown")  # never the path asked for: anybody could fill the memory
            self._metrics.observe(endpoint, scope["method"], status, time.perf_counter() - began)
