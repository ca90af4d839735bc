"""The collector's promises: exact shapes, everyone at once, nobody held up or hidden by another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dean_airflow.metrics.collector import MetricsCollector, frame_of
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, is_stale, to_ms
from dean_airflow.metrics.sources.http_json import HttpSource
from dean_airflow.metrics.sources.indexagent import IndexAgentSource
from dean_airflow.metrics.sources.registry import WATCHED
from dean_airflow.metrics.sources.source import Reading
from dean_airflow.services.contract.health import ServiceHealth
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool

from .servers import healthy, indexagent, running

pytestmark = pytest.mark.anyio


class Plain:
    """A source whose answer a test decides."""

    def __init__(self, name: str, status: str = "healthy", timeout: float = 5.0, value: float | None = 1.0) -> None:
        self.name, self.status, self.timeout, self.value = name, status, timeout, value
        self.collected = 0
        self.before = lambda: None

    async def collect(self, at: int) -> Reading:
        self.collected += 1
        answer = self.before()
        if answer is not None:
            await answer
        labels = (("service_name", self.name),)
        samples = [
            Sample(self.name, "dean_service_health", float(self.status != "unhealthy"), at, labels),
            Sample(self.name, "dean_service_degraded", float(self.status == "degraded"), at, labels),
        ]
        if self.value is not None:
            samples.append(Sample(self.name, "queue", self.value, at))
        error = "down" if self.status == "unhealthy" else None
        return Reading(ServiceHealth(status=self.status, error=error), {"queue": self.value}, samples, error)


class Moving:
    """A time that moves by a minute whenever it is asked for."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


async def test_a_collection_has_the_promised_shape_and_asks_each_once():
    async with running(indexagent()) as agent, running({"/": {"queue": 4}}) as shop:
        endpoints = [
            ServiceEndpoint("indexagent", "indexagent", agent.url),
            ServiceEndpoint("shop", "http", shop.url + "/", breaker=WATCHED),
        ]
        async with ServicePool(endpoints) as pool:
            collector = MetricsCollector([IndexAgentSource(pool, "indexagent"), HttpSource(pool, "shop")])
            collected = await collector.collect_all_metrics()
        assert (agent.asked, shop.asked) == ({"/health": 1, "/evolution/metrics": 1, "/metrics": 1}, {"/": 1})

    assert set(collected) == {"timestamp", "services", "collection_time_ms"}
    assert datetime.fromisoformat(collected["timestamp"]).tzinfo is not None
    assert collected["collection_time_ms"] > 0
    services = collected["services"]
    assert set(services) == {"indexagent", "shop"}
    assert services["indexagent"]["health"]["status"] == "healthy"
    assert services["indexagent"]["health"]["version"] == "1.2"
    assert {"connect", "first_byte"} <= set(services["indexagent"]["health"]["phases"])
    assert services["indexagent"]["metrics"]["total_agents"] == 3
    assert services["shop"]["metrics"] == {"queue": 4}
    assert not any("error" in service for service in services.values())
    assert frame_of(collected) == {
        "type": "metrics_update",
        "data": {"timestamp": collected["timestamp"], "services": services},
    }


async def test_all_are_asked_at_the_same_time():
    """Each waits until all have been asked: one after another, they would wait for ever."""
    sources = [Plain(f"s{number}") for number in range(20)]
    everyone = asyncio.Event()

    def before():
        if all(source.collected for source in sources):
            everyone.set()
        return everyone.wait()

    for source in sources:
        source.before = before
    collected = await MetricsCollector(sources).collect_all_metrics()
    assert all("error" not in service for service in collected["services"].values())


async def test_one_that_hangs_is_given_up_and_the_others_are_kept_before(monkeypatch):
    """Even one that ignores its cancellation."""
    ended = asyncio.Event()
    history = MemoryHistory()
    kept_when_given_up = []

    async def never():
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError:
                kept_when_given_up.append({series.service for series in history.select("queue", start=0, end=2**62)})

    monkeypatch.setattr("dean_airflow.metrics.collection.SOON", 0.01)
    hung = Plain("hung", timeout=0.5)
    hung.before = never
    collector = MetricsCollector([hung, Plain("a"), Plain("b")], history=history)
    try:
        collected = await collector.collect_all_metrics()
    finally:
        asyncio.get_running_loop().call_later(0.05, ended.set)
        await ended.wait()
    assert kept_when_given_up == [{"a", "b"}]
    assert collected["services"]["hung"]["error"] == "gave nothing within 0.5 s"
    assert collected["services"]["hung"]["health"] == {
        "status": "unhealthy",
        "error": "Health check timeout",
        "capabilities": [],
        "required": True,
    }
    assert "error" not in collected["services"]["a"]


async def test_a_source_that_raises_is_an_error_of_its_own():
    broken = Plain("broken")
    broken.before = lambda: 1 / 0
    collected = await MetricsCollector([broken, Plain("a")]).collect_all_metrics()
    assert collected["services"]["broken"]["error"] == "division by zero"
    assert collected["services"]["a"]["metrics"] == {"queue": 1.0}


async def test_a_dead_service_is_a_failed_sample_and_its_series_end():
    source = Plain("a")
    collector = MetricsCollector([source, Plain("b")], now=Moving())
    await collector.collect()
    source.before = lambda: 1 / 0
    await collector.collect()
    queue = {series.service: series.points for series in collector.history.select("queue", start=0, end=2**62)}
    assert [is_stale(value) for _, value in queue["a"]] == [False, True]
    assert [value for _, value in queue["b"]] == [1.0, 1.0]
    (health,) = collector.history.select("dean_service_health", service="a", start=0, end=2**62)
    assert [value for _, value in health.points] == [1.0, 0.0]
    (failed,) = collector.history.select("dean_collection_failed", service="a", start=0, end=2**62)
    assert [value for _, value in failed.points] == [0.0, 1.0]


async def test_a_series_that_another_process_left_ends_too():
    history, now = MemoryHistory(), Moving()
    await MetricsCollector([Plain("a")], history=history, now=now).collect()
    await MetricsCollector([Plain("a", value=None)], history=history, now=now).collect()
    (queue,) = history.select("queue", start=0, end=2**62)
    assert [is_stale(value) for _, value in queue.points] == [False, True]


async def test_a_handler_adds_to_its_service_and_its_error_is_recorded_only():
    async def count():
        return {"waiting": 5, "note": "busy"}

    async def fail():
        raise RuntimeError("no connection")

    collector = MetricsCollector([Plain("a"), Plain("b")])
    collector.register_metric_handler("a", count)
    collector.register_metric_handler("b", fail)
    services = (await collector.collect_all_metrics())["services"]
    assert services["a"]["custom"] == {"waiting": 5, "note": "busy"}
    assert services["b"]["custom"] == {"error": "no connection"}
    assert services["b"]["metrics"] == {"queue": 1.0}
    assert [point["value"] for point in collector.get_metrics_history("a", "dean_custom_waiting")] == [5.0]


async def test_ten_collections_are_ten_points_and_older_ones_go():
    now = Moving()
    collector = MetricsCollector([Plain("a")], history_retention_hours=24, now=now)
    for _ in range(10):
        await collector.collect()
    points = collector.get_metrics_history("a", "queue", hours=24)
    assert len(points) == 10
    assert set(points[0]) == {"timestamp", "value"}
    now.time += timedelta(hours=23, minutes=55)
    await collector.collect()
    assert len(collector.history.select("queue", start=0, end=2**62)[0].points) == 5


async def test_without_history_nothing_is_kept():
    collector = MetricsCollector([Plain("a")], enable_history=False)
    assert (await collector.collect_all_metrics())["services"]["a"]["metrics"] == {"queue": 1.0}
    assert collector.get_metrics_history("a", "queue") == []
    assert collector.get_aggregated_metrics(5)["summary"]["total_health_checks"] == 0


async def test_two_unhealthy_of_four_are_two_alerts_until_they_recover():
    sources = [Plain("a"), Plain("b", "unhealthy"), Plain("c", "unhealthy"), Plain("d")]
    now = Moving()
    collector = MetricsCollector(sources, now=now)
    await collector.collect()
    since = now.time.isoformat()
    await collector.collect()
    alerts = collector.get_alerts()
    assert [(alert["service"], alert["severity"], alert["timestamp"]) for alert in alerts] == [
        ("b", "critical", since),
        ("c", "critical", since),
    ]
    assert set(alerts[0]) == {"service", "severity", "message", "timestamp"}
    sources[1].status, sources[2].status = "degraded", "healthy"
    await collector.collect()
    assert [(alert["service"], alert["severity"]) for alert in collector.get_alerts()] == [("b", "warning")]


async def test_the_aggregate_counts_what_is_in_its_window_only():
    now = Moving()
    sources = [Plain("a"), Plain("b", "degraded"), Plain("c", "unhealthy")]
    collector = MetricsCollector(sources, now=now)
    await collector.collect()
    now.time += timedelta(hours=2)
    for value in (1.0, 2.0, 6.0):
        sources[0].value = value
        await collector.collect()
    aggregated = collector.get_aggregated_metrics(time_window_minutes=10)
    assert aggregated["summary"] == {
        "total_health_checks": 9,
        "healthy_services": 1,
        "degraded_services": 1,
        "unhealthy_services": 1,
        "total_services": 3,
    }
    assert set(aggregated) == {"summary", "time_range", "services"}
    (queue,) = aggregated["services"]["a"]["metrics"]["queue"]
    assert (queue["samples"], queue["average"], queue["minimum"], queue["maximum"]) == (3, 3.0, 1.0, 6.0)
    assert aggregated["services"]["c"]["availability"] == 0


async def test_the_live_loop_goes_on_after_a_failure_and_stops_when_told():
    source, frames, enough = Plain("a"), [], asyncio.Event()
    collector = MetricsCollector([source], interval=0.01)

    def on_frame(frame):
        frames.append(frame)
        if len(frames) == 1:
            raise RuntimeError("a bad listener")
        if len(frames) == 4:
            enough.set()

    await collector.start_monitoring(on_frame)
    await collector.start_monitoring(on_frame)
    await asyncio.wait_for(enough.wait(), 30)
    await collector.stop_monitoring()
    count = source.collected
    assert 4 <= count <= 5
    await asyncio.sleep(0.05)
    assert source.collected == count
    assert all(frame["type"] == "metrics_update" for frame in frames)


async def test_stopping_does_not_wait_for_a_hanging_source():
    source, asked = Plain("a"), asyncio.Event()

    def before():
        asked.set()
        return asyncio.Event().wait()

    source.before = before
    collector = MetricsCollector([source])
    await collector.start_monitoring()
    await asked.wait()
    await asyncio.wait_for(collector.stop_monitoring(), 4)


async def test_durations_do_not_follow_the_clock():
    times = iter([datetime(2030, 1, 1, tzinfo=UTC)] * 3)
    collector = MetricsCollector([Plain("a")], now=lambda: next(times, datetime(2020, 1, 1, tzinfo=UTC)))
    assert (await collector.collect_all_metrics())["collection_time_ms"] >= 0


async def test_a_service_that_flaps_has_each_state_it_was_in():
    async with running({"/": healthy("shop")}) as shop, ServicePool([_watched(shop)]) as pool:
        collector = MetricsCollector([HttpSource(pool, "shop")], now=Moving())
        for status in (200, 503, 200, 503, 503, 200):
            shop.status = status
            await collector.collect()
    values = [point["value"] for point in collector.get_metrics_history("shop", "dean_service_health")]
    assert values == [1, 0, 1, 0, 0, 1]


def _watched(service) -> ServiceEndpoint:
    return ServiceEndpoint("shop", "http", service.url + "/", breaker=WATCHED)


def test_times_are_kept_to_the_millisecond():
    assert to_ms(datetime(2030, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)) % 1000 == 123
