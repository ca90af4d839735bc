"""A running Airflow watches services, one of which dies and comes back: the alert, its notices, and what it starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.metrics.exposition import exposition
from dean_airflow.metrics.history import History
from dean_airflow.store.store import Store
from dean_airflow.testing.alert_webhook import AlertWebhook, alert_webhook
from dean_airflow.testing.services import StubServices
from tests.integration.evolution_workflow.airflow_stack import AirflowStack

from .conftest import RULES

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

A_FEW_MINUTES = 300.0


@pytest.fixture
def webhook() -> Iterator[AlertWebhook]:
    with alert_webhook() as webhook:
        yield webhook


@pytest.fixture
def stack(
    airflow_home: Path, tmp_path: Path, stub_services: StubServices, webhook: AlertWebhook
) -> Iterator[AirflowStack]:
    (tmp_path / "rules.yaml").write_text(RULES)
    stack = AirflowStack(
        tmp_path / "airflow",
        airflow_home,
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="True",
        AIRFLOW__DEAN__ALERT_RULES=str(tmp_path / "rules.yaml"),
        AIRFLOW__DEAN__ALERT_RECEIVERS=json.dumps([{"name": "pager", "webhook": webhook.url}]),
        AIRFLOW__DEAN__EVOLUTION_URL=stub_services.urls["evolution"],
        AIRFLOW__DEAN__INDEXAGENT_URL=stub_services.urls["indexagent"],
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=(
            '[{"name": "dean", "classpath": "dean_airflow.dag_bundle.ShippedDagBundle", "kwargs": {}}]'
        ),
    )
    with stack.running("api-server", "scheduler", "dag-processor"):
        for dag_id in ("dean_metrics_collection", "dean_alert_response"):
            stack.wait_for_dag(dag_id)
            stack.request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()
        yield stack


def ended_runs(stack: AirflowStack, dag_id: str) -> list[dict[str, Any]]:
    runs = stack.request("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"order_by": "id"}).json()["dag_runs"]
    return [run for run in runs if run["state"] in ("success", "failed")]


def show(*texts: str) -> None:
    """On stdout, which `pytest -s` shows: what there is to see of it all."""
    sys.stdout.write("\n".join(texts))


def test_a_killed_service_is_one_alert_that_is_told_starts_a_dag_and_resolves(
    stack: AirflowStack, stub_services: StubServices, webhook: AlertWebhook
) -> None:
    stack.wait_for("a first collection", lambda: ended_runs(stack, "dean_metrics_collection"), A_FEW_MINUTES)
    stub_services.kill(stub_services.evolution)
    stack.wait_for("the alert", lambda: webhook.alerts, A_FEW_MINUTES)
    stub_services.revive(stub_services.evolution)
    stack.wait_for("its end", lambda: len(webhook.alerts) > 1, A_FEW_MINUTES)
    stack.wait_for("two responses", lambda: len(ended_runs(stack, "dean_alert_response")) == 2, A_FEW_MINUTES)

    assert webhook.alerts == [("ServiceDown", "evolution", "firing"), ("ServiceDown", "evolution", "resolved")]
    assert {run["state"] for run in ended_runs(stack, "dean_metrics_collection")} == {"success"}
    assert {run["state"] for run in ended_runs(stack, "dean_alert_response")} == {"success"}
    listed = stack.request("GET", "/dean/alerts", params={"state": "resolved"}).json()["alerts"]
    assert [(one["alert"], one["service"]) for one in listed] == [("ServiceDown", "evolution")]
    with Store.open(f"sqlite:///{stack.home / 'dean' / 'dean.db'}") as store:
        text = exposition(History(store), store.now())
    assert 'dean_service_health{service="evolution",service_name="evolution"} 1.0' in text
    show(json.dumps(webhook.bodies, indent=2), text)
