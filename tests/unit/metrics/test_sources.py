"""What each source makes of what is out there, the hostile included."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from aiohttp import web

from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError
from dean_airflow.metric_sources import JsonField, WatchedEndpoint
from dean_airflow.metrics.names import METRICS
from dean_airflow.metrics.sources import prometheus_text
from dean_airflow.metrics.sources.airflow import AirflowSource
from dean_airflow.metrics.sources.evolution import EvolutionSource
from dean_airflow.metrics.sources.host import HostSource
from dean_airflow.metrics.sources.http_json import HttpSource
from dean_airflow.metrics.sources.indexagent import IndexAgentSource
from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.own import OwnSource
from dean_airflow.metrics.sources.prometheus import PrometheusSource
from dean_airflow.metrics.sources.registry import WATCHED, SourceContext, every_source
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.endpoint import Kind, ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.store import maintenance
from dean_airflow.store.store import Store

from .servers import Service, indexagent, running

pytestmark = pytest.mark.anyio
AT = 1_900_000_000_000


def pool_of(service: Service, kind: Kind = "http", path: str = "/", credential: bool = False) -> ServicePool:
    token = {"credential": BearerToken("secret")} if credential else {}
    return ServicePool([ServiceEndpoint("shop", kind, service.url + path, breaker=WATCHED, **token)])


def told(reading) -> dict[str, float]:
    """The samples by name, with their labels where there are any but the service's name."""
    found = {}
    for sample in reading.samples:
        labels = ",".join(f"{name}={value}" for name, value in sample.labels if name not in ("service_name", "host"))
        found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def test_indexagent_in_base_units_and_what_it_does_not_say_is_absent():
    async with running(indexagent()) as service, pool_of(service, "indexagent", "") as pool:
        reading = await IndexAgentSource(pool, "shop", "indexagent").collect(AT)
    found = told(reading)
    assert found["dean_indexagent_total_agents"] == 3
    assert found["dean_indexagent_metrics_agents_created_total"] == 7
    assert found["dean_indexagent_metrics_avg_query_time_seconds"] == 0.25
    assert "dean_indexagent_average_fitness" not in found
    assert found["dean_service_health"] == 1
    assert {sample.service for sample in reading.samples} == {"indexagent"}
    assert {sample.time for sample in reading.samples} == {AT}
    assert {sample.type for sample in reading.samples if sample.name.endswith("_total")} == {"counter"}


@pytest.mark.parametrize(
    ("body", "code", "status", "up", "degraded"),
    [
        ({"status": "OK"}, 200, "healthy", 1, 0),
        ({"status": "degraded"}, 200, "degraded", 1, 1),
        ({"status": "warming up"}, 200, "degraded", 1, 1),
        ({"status": "unhealthy"}, 200, "unhealthy", 0, 0),
        ({"status": "healthy"}, 503, "unhealthy", 0, 0),
    ],
)
async def test_health_is_read_as_the_contract_says(body, code, status, up, degraded):
    answers = {**indexagent(), "/health": lambda request: web.json_response(body, status=code)}
    async with running(answers) as service, pool_of(service, "evolution", "") as pool:
        reading = await EvolutionSource(pool, "shop", "evolution").collect(AT)
    assert reading.health is not None
    assert reading.health.status == status
    assert (told(reading)["dean_service_health"], told(reading)["dean_service_degraded"]) == (up, degraded)


async def test_a_service_that_is_gone_is_one_failed_sample_with_a_reason():
    async with running({}) as service:
        url = service.url
    async with ServicePool([ServiceEndpoint("shop", "indexagent", url, breaker=WATCHED)]) as pool:
        reading = await IndexAgentSource(pool, "shop").collect(AT)
    assert reading.health is not None
    assert reading.health.status == "unhealthy"
    assert reading.error is not None
    assert "cannot be reached" in reading.error
    assert [value for name, value in told(reading).items() if name == "dean_service_health"] == [0]
    assert not any(name.startswith("dean_indexagent") for name in told(reading))


async def test_a_timeout_has_the_contracts_words():
    async with running({"/": {}}) as service, pool_of(service) as pool:
        service.hang = True
        reading = await HttpSource(pool, "shop", timeout=0.1).collect(AT)
        assert reading.health is not None
        assert (reading.health.error, reading.error) == ("Health check timeout", "Health check timeout")


async def test_named_fields_of_any_json():
    fields = {
        "shop_orders_total": JsonField(path="stats.orders", type="counter", labels={"region": "eu"}),
        "shop_latency_seconds": JsonField(path="stats.latency.0", scale=0.001),
        "shop_absent": JsonField(path="stats.absent"),
        "shop_text": JsonField(path="name"),
    }
    body = {"name": "shop", "stats": {"orders": 12, "latency": [250]}}
    async with running({"/": body}) as service, pool_of(service) as pool:
        reading = await HttpSource(pool, "shop", fields=fields).collect(AT)
    found = told(reading)
    assert found["shop_orders_total{region=eu}"] == 12
    assert found["shop_latency_seconds"] == 0.25
    assert not {"shop_absent", "shop_text"} & set(found)
    assert reading.left_out == 1


async def test_every_number_of_any_json_under_a_usable_name():
    body = {"queue-length": 3, "ok": True, "9 lives": 9, "deep": {"avg_ms": 20}, "text": "x", "list": [1], "none": None}
    async with running({"/": body}) as service, pool_of(service) as pool:
        found = told(await HttpSource(pool, "shop").collect(AT))
    assert found["shop_queue_length"] == 3
    assert (found["shop_ok"], found["shop_9_lives"], found["shop_deep_avg_seconds"]) == (1, 9, 0.02)
    assert len([name for name in found if name.startswith("shop_")]) == 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"{", "is no JSON"),
        (b'\xff\xfe{"a": 1}', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b" " * (11 * 1024 * 1024), "longer than 10,485,760 bytes"),
    ],
)
async def test_an_answer_that_is_no_json_is_an_error_of_a_service_that_runs(answer, error):
    async with running({"/": answer}) as service, pool_of(service) as pool:
        reading = await HttpSource(pool, "shop").collect(AT)
    assert reading.error is not None
    assert error in reading.error
    assert reading.health is not None
    assert reading.health.status != "healthy" or "no JSON" in reading.error
    assert "secret" not in reading.error


async def test_not_a_number_infinity_and_numbers_beyond_all_bounds():
    text = b'{"nan": NaN, "inf": Infinity, "huge": 1' + b"0" * 400 + b', "fine": 1}'
    async with running({"/": text}) as service, pool_of(service) as pool:
        found = told(await HttpSource(pool, "shop").collect(AT))
    assert math.isnan(found["shop_nan"])
    assert found["shop_fine"] == 1
    assert {"shop_inf", "shop_huge"}.isdisjoint(found)


async def test_a_body_of_100_megabytes_is_not_read_to_its_end():
    sent = 0

    class Endless(web.StreamResponse):
        async def prepare(self, request):
            nonlocal sent
            writer = await super().prepare(request)
            for _ in range(100):
                await self.write(b"x" * 1024 * 1024)
                sent += 1
            return writer

    async with running({"/": lambda request: Endless()}) as service, pool_of(service) as pool:
        reading = await HttpSource(pool, "shop").collect(AT)
    assert reading.error is not None
    assert "longer than" in reading.error
    assert sent < 50


EXPOSITION = """# TYPE requests_total counter
# HELP requests_total All.
requests_total{code="200",service="x"} 7 1900000000500
# TYPE latency histogram
latency_bucket{le="0.1"} 3
latency_bucket{le="+Inf"} 4
latency_sum 0.5
latency_count 4
# TYPE size summary
size{quantile="0.5"} NaN
size_sum 9
size_count 2
temperature -3.5
"""


async def test_prometheus_text_with_the_kinds_it_declares():
    async with running({"/": EXPOSITION}) as service, pool_of(service) as pool:
        reading = await PrometheusSource(pool, "shop").collect(AT)
    kinds = {sample.name: sample.type for sample in reading.samples}
    assert kinds["requests_total"] == "counter"
    assert {kinds["latency_bucket"], kinds["latency_sum"], kinds["latency_count"]} == {"histogram"}
    assert (kinds["size_sum"], kinds["size"], kinds["temperature"]) == ("counter", "gauge", "gauge")
    (requests,) = (sample for sample in reading.samples if sample.name == "requests_total")
    assert (requests.labels, requests.time) == ((("code", "200"), ("exported_service", "x")), AT + 500)
    assert math.isnan(told(reading)["size{quantile=0.5}"])
    assert reading.metrics["latency_bucket"] == 2


async def test_a_services_own_requests_are_collected_too():
    text = '# TYPE dean_api_requests_total counter\ndean_api_requests_total{endpoint="/agents",status="500"} 3\n'
    async with running({**indexagent(), "/metrics": text}) as service, pool_of(service, "indexagent", "") as pool:
        found = told(await IndexAgentSource(pool, "shop", "indexagent").collect(AT))
    assert found["dean_api_requests_total{endpoint=/agents,status=500}"] == 3
    assert found["dean_indexagent_total_agents"] == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("nonsense{", "is no Prometheus exposition"),
        (b"\xff\xfe 1\n", "is not UTF-8"),
        ("a b", "is no Prometheus"),
    ],
)
async def test_what_is_no_exposition_is_said_so(answer, error):
    async with running({"/": answer}) as service, pool_of(service) as pool:
        reading = await PrometheusSource(pool, "shop").collect(AT)
    assert reading.error is not None
    assert error in reading.error


async def test_an_exposition_of_too_many_samples_is_cut_and_that_is_counted(monkeypatch):
    monkeypatch.setattr(prometheus_text, "SAMPLES_AT_MOST", 5)
    text = "".join(f'a{{n="{number}"}} 1\n' for number in range(50))
    async with running({"/": text}) as service, pool_of(service) as pool:
        reading = await PrometheusSource(pool, "shop").collect(AT)
    assert (len([sample for sample in reading.samples if sample.name == "a"]), reading.left_out) == (5, 1)


AIRFLOW = {
    "/api/v2/monitor/health": {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2030-03-17T17:46:40+00:00"},
        "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
        "dag_processor": {"status": "unhealthy", "latest_dag_processor_heartbeat": "2030-03-17T17:40:00+00:00"},
    },
    "/api/v2/pools": {"pools": [{"name": "default_pool", "slots": 128, "open_slots": 120, "running_slots": 8}]},
    "/api/v2/dags": {"dags": [{"dag_id": "dean_evolution_trial"}, {"dag_id": "deanery"}], "total_entries": 2},
    "/api/v2/dagStats": {
        "dags": [{"dag_id": "dean_evolution_trial", "stats": [{"state": "success", "count": 4}]}],
        "total_entries": 1,
    },
    "/api/v2/importErrors": {"import_errors": [], "total_entries": 2},
    "/api/v2/plugins": {"plugins": [{"name": "other"}, {"name": "dean"}], "total_entries": 2},
}


async def test_airflow_with_a_login_tells_everything():
    async with running(AIRFLOW) as service, pool_of(service, "airflow", "", credential=True) as pool:
        reading = await AirflowSource(pool, "shop", "airflow").collect(AT)
    found = told(reading)
    assert reading.error is None
    assert found["dean_airflow_component_health{component=scheduler}"] == 1
    assert found["dean_airflow_component_health{component=dag_processor}"] == 0
    assert "dean_airflow_component_health{component=triggerer}" not in found
    assert found["dean_airflow_heartbeat_timestamp_seconds{component=scheduler}"] == 1_900_000_000
    assert found["dean_airflow_pool_slots{pool=default_pool,state=open}"] == 120
    assert found["dean_airflow_dag_runs{dag_id=dean_evolution_trial,state=success}"] == 4
    assert (found["dean_airflow_import_errors"], found["dean_airflow_plugin_loaded"]) == (2, 1)
    assert found["dean_service_health"] == 0


async def test_airflow_without_a_login_tells_its_components():
    async with running(AIRFLOW) as service, pool_of(service, "airflow", "") as pool:
        reading = await AirflowSource(pool, "shop", "airflow").collect(AT)
        assert set(service.asked) == {"/api/v2/monitor/health"}
    assert reading.error is None
    assert "dean_airflow_pool_slots" not in " ".join(told(reading))


async def test_dean_itself_counts_trials_also_those_that_are_gone(store, clock):
    for name, status in (("trial-a", "failed"), ("trial-b", None)):
        store.trials.create(name, {"repository": "r"})
        if status:
            store.trials.transition(name, status)
    found = told(await OwnSource(store).collect(AT))
    assert (found["dean_evolution_trials_active"], found["dean_evolution_trials_total"]) == (1, 2)
    assert found["dean_evolution_trials{status=failed}"] == 1
    assert found["dean_store_size_bytes"] > 0
    clock.move(days=100)
    maintenance.remove_old_trials(store, clock.time - clock.time.replace(year=2029))
    clock.move(days=400)
    maintenance.remove_old_trials(store, clock.time - clock.time.replace(year=clock.time.year - 1))
    found = told(await OwnSource(store).collect(AT))
    assert (found["dean_evolution_trials_active"], found["dean_evolution_trials_total"]) == (1, 2)


async def test_a_store_that_is_gone_is_dean_unhealthy(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'gone.db'}") as store:
        store.close()
        (tmp_path / "gone.db").write_bytes(b"not a database" * 1000)
        reading = await OwnSource(store).collect(AT)
    assert reading.health is not None
    assert reading.health.status == "unhealthy"
    assert "is not an SQLite database" in (reading.error or "")


async def test_this_machine(tmp_path):
    reading = await HostSource([tmp_path / "not" / "there"]).collect(AT)
    found = told(reading)
    assert 0 <= found["dean_host_cpu_busy_ratio"] <= 1
    assert 0 < found["dean_host_memory_used_ratio"] < 1
    assert 0 < found[f"dean_host_disk_free_ratio{{path={tmp_path / 'not' / 'there'}}}"] <= 1


async def test_deans_own_samples_are_those_that_are_declared(store):
    async with running(AIRFLOW) as service, pool_of(service, "airflow", "", credential=True) as pool:
        sources = [AirflowSource(pool, "shop", "airflow"), OwnSource(store), HostSource([Path("/")])]
        for source in sources:
            for sample in (await source.collect(AT)).samples:
                declared = METRICS[sample.name]
                assert sample.type == declared.type
                assert {name for name, _ in sample.labels} <= set(declared.labels)


def test_labels_and_names_that_are_too_much():
    maker = SampleMaker("a", AT)
    maker.add("no-name", 1)
    maker.add("x" * 201, 1)
    maker.add("labels", 1, {f"l{number}": "v" for number in range(31)})
    maker.add("text", "many")
    maker.add("fine", "1", {"service": "other", "0": "z", "long": "y" * 999, "empty": ""})
    assert maker.left_out == 4
    (sample,) = maker.samples
    assert dict(sample.labels).keys() == {"exported_service", "_0", "long"}
    assert len(dict(sample.labels)["long"]) == 250


async def test_all_sources_of_an_installation(store, tmp_path):
    settings = Settings(data_dir=tmp_path)
    endpoints = [
        ServiceEndpoint("dean_evolution", "evolution", "http://evolution.example"),
        ServiceEndpoint("dean_indexagent", "indexagent", "http://indexagent.example"),
    ]
    async with ServicePool(endpoints) as pool:
        context = SourceContext(pool, store, settings)
        watched = [WatchedEndpoint(name="shop", kind="prometheus", url="http://shop.example/metrics")]
        sources = every_source(context, watched)
        assert [source.name for source in sources] == ["dean", "host", "evolution", "indexagent", "shop"]
        assert not pool.http("shop").endpoint.breaker.enabled
        with pytest.raises(ConfigurationError, match="called shop"):
            every_source(context, [*watched, *watched])
        with pytest.raises(ConfigurationError, match="shop"):
            every_source(context, [WatchedEndpoint(name="shop", url="nowhere")])


@pytest.mark.parametrize("name", ["dean", "host", "a b", ""])
def test_a_source_cannot_take_a_name_that_is_ours_or_none(name):
    with pytest.raises(ValueError, match="name"):
        WatchedEndpoint(name=name, url="http://shop.example")
