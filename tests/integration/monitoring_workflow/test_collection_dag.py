"""`dean_metrics_collection`: two services, one of which dies and comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dean_airflow.metrics.exposition import exposition
from dean_airflow.metrics.history import History
from dean_airflow.store.store import Store
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.airflow

RunDag = Callable[[str], dict[str, str]]


def values(store: Store, name: str, service: str) -> list[float]:
    now = store.now()
    found = History(store).select(name, service=service, start=now - timedelta(hours=1), end=now)
    return [value for series in found for _, value in series.points]


def test_a_service_that_dies_is_one_alert_and_one_notification_and_another_when_it_is_back(
    installation: Store,
    run_dag: RunDag,
    asset_events: Callable[[], list[dict[str, Any]]],
    stub_services: StubServices,
) -> None:
    before = len(asset_events())

    assert run_dag("dean_metrics_collection") == {"collect": "success", "notify": "skipped"}
    stub_services.kill(stub_services.indexagent)
    assert run_dag("dean_metrics_collection") == {"collect": "success", "notify": "success"}
    assert run_dag("dean_metrics_collection") == {"collect": "success", "notify": "skipped"}
    stub_services.revive(stub_services.indexagent)
    assert run_dag("dean_metrics_collection") == {"collect": "success", "notify": "success"}

    assert values(installation, "dean_service_health", "indexagent") == [1, 0, 0, 1]
    assert values(installation, "dean_service_health", "evolution") == [1, 1, 1, 1]
    assert values(installation, "dean_evolution_trials_active", "dean") == [0, 0, 0, 0]
    told = asset_events()[before:]
    assert [(alert["alert"], alert["state"]) for alert in told] == [
        ("ServiceDown", "firing"),
        ("ServiceDown", "resolved"),
    ]
    assert told[0]["message"] == "indexagent is down"
    text = exposition(History(installation), installation.now())
    assert 'dean_service_health{service="indexagent",service_name="indexagent"} 1.0' in text


def test_a_source_of_the_settings_is_collected_too(
    installation: Store, run_dag: RunDag, stub_services: StubServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = stub_services.urls["evolution"] + "/health"
    monkeypatch.setenv("AIRFLOW__DEAN__METRICS_SOURCES", f'[{{"name": "shop", "url": "{url}"}}]')
    assert run_dag("dean_metrics_collection")["collect"] == "success"
    assert values(installation, "dean_service_health", "shop") == [1]
    assert values(installation, "shop_uptime_seconds", "shop") != []


def test_maintenance_rolls_up_what_nobody_else_did(installation: Store, run_dag: RunDag) -> None:
    assert run_dag("dean_metrics_collection")["collect"] == "success"
    assert run_dag("dean_maintenance")["tidy"] == "success"
    assert values(installation, "dean_service_health", "dean") == [1]


def test_the_trials_counters_go_to_airflows_own_metrics_client(
    installation: Store, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.observability import stats

    sent: dict[str, list[tuple[float, dict[str, str]]]] = {}

    def heard(name: str, value: float = 1, **rest: Any) -> None:
        sent.setdefault(name, []).append((value, rest.get("tags") or {}))

    monkeypatch.setattr(stats, "gauge", heard)
    monkeypatch.setattr(stats, "incr", heard)
    run_dag("dean_metrics_collection")
    installation.trials.create("trial-a", {"repository": "r"})
    run_dag("dean_metrics_collection")
    assert [value for value, _ in sent["dean.evolution_trials_active"]] == [0, 1]
    assert [value for value, _ in sent["dean.evolution_trials_total"]] == [1]
    assert (1.0, {"status": "pending"}) in sent["dean.evolution_trials"]
