"""The metrics routes, on the store of this Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store
from tests.unit.plugin.conftest import Plugin

pytestmark = pytest.mark.airflow


@pytest.fixture
def client(plugin: Plugin) -> Plugin:
    return plugin


@pytest.fixture
def collected(plugin: Plugin, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        at = to_ms(store.now())
        labels = (("service_name", "evolution"),)
        History(store).append(
            [
                Sample("evolution", "dean_service_health", 0.0, at, labels),
                Sample("dean", "dean_service_health", 1.0, at, labels),
                Sample("dean", "dean_evolution_trials_active", 2.0, at),
                Sample("evolution", "queue", float("inf"), at),
            ]
        )


def test_the_exposition(client: Plugin, collected: None) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'dean_evolution_trials_active{service="dean"} 2.0' in answer.text


def test_services_have_the_contracts_names_and_words(client: Plugin, collected: None) -> None:
    services = client.get("/api/v1/services/status").json()
    assert {name: one["status"] for name, one in services.items()} == {"database": "up", "evolution_api": "down"}
    assert set(services["database"]) == {"url", "status", "version", "latency_ms", "last_check"}
    system = client.get("/api/system/status").json()
    assert (system["status"], system["services"]["evolution"]["status"]) == ("unhealthy", "unhealthy")


def test_the_newest_values_as_json(client: Plugin, collected: None) -> None:
    services = client.get("/api/system/metrics").json()["services"]
    assert services["dean"]["metrics"]["dean_evolution_trials_active"] == 2
    assert services["evolution"]["metrics"]["queue"] == "+Inf"


def test_a_query_and_one_that_cannot_be(client: Plugin, collected: None) -> None:
    found = client.get("/api/v1/metrics/query", name="dean_service_health", match=["service=dean"])
    assert found.json()["total"] == 1
    assert found.json()["series"][0]["points"][0][1] == 1
    refused = client.get("/api/v1/metrics/query", name="x", since="soon")
    assert (refused.status_code, refused.json()["detail"][:18]) == (422, "'soon' is no durat")


def test_before_anything_is_collected(client: Plugin) -> None:
    assert client.get("/metrics").text == ""
    assert client.get("/api/v1/services/status").json() == {}
    assert client.get("/api/system/status").json()["status"] == "unknown"


def test_a_store_that_cannot_be_read_is_503(client: Plugin, tmp_path: Path) -> None:
    client.store.close()
    for part in (tmp_path / "dean").glob("dean.db*"):
        part.unlink()
    (tmp_path / "dean" / "dean.db").write_bytes(b"not a database" * 1000)
    answer = client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    health = client.get("/health")
    assert (health.status_code, "is not an SQLite database" in health.json()["checks"]["store"]["error"]) == (503, True)
