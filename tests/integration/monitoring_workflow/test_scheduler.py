"""Scheduler, triggerer and api-server at work: services that are watched, one of which is killed and revived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dean_airflow.testing.services import StubServices
from tests.integration.evolution_workflow.airflow_stack import BUNDLE, AirflowStack

from .conftest import RULES

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

PATIENCE = 300.0


@pytest.fixture
def stack(airflow_home: Path, tmp_path: Path, stub_services: StubServices) -> AirflowStack:
    (tmp_path / "rules.yaml").write_text(RULES)
    return AirflowStack(
        tmp_path / "airflow",
        airflow_home,
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE,
        AIRFLOW__DEAN__ALERT_RULES=str(tmp_path / "rules.yaml"),
        AIRFLOW__DEAN__EVOLUTION_URL=stub_services.urls["evolution"],
        AIRFLOW__DEAN__INDEXAGENT_URL=stub_services.urls["indexagent"],
        AIRFLOW__DEAN__METRICS_INTERVAL="2",
    )


def runs_of(stack: AirflowStack, dag_id: str) -> list[dict[str, Any]]:
    answer = stack.request("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"order_by": "run_after"})
    found: list[dict[str, Any]] = answer.json().get("dag_runs", [])
    return found


def responses(stack: AirflowStack) -> list[str]:
    """What the runs of the example DAG said, oldest first."""
    said = []
    for run in runs_of(stack, "dean_alert_response"):
        if run["state"] != "success":
            continue
        where = f"/api/v2/dags/dean_alert_response/dagRuns/{run['dag_run_id']}/taskInstances/respond"
        entry = stack.request("GET", f"{where}/xcomEntries/return_value", params={"map_index": 0}).json()
        said.append(str(entry.get("value", entry)).strip('"'))
    return said


def test_a_service_dies_and_comes_back_under_a_scheduler(stack: AirflowStack, stub_services: StubServices) -> None:
    with stack.running("api-server", "scheduler", "dag-processor", "triggerer"):
        stack.wait_for_dag("dean_metrics_collection")

        def exposed(text: str) -> bool:
            return text in stack.request("GET", "/dean/metrics").text

        up = 'dean_service_health{service="evolution",service_name="evolution"} 1.0'
        stack.wait_for("the first samples", lambda: exposed(up), PATIENCE)
        stub_services.kill(stub_services.evolution)
        stack.wait_for("the failed sample", lambda: exposed(up.replace("1.0", "0.0")), PATIENCE)
        stack.wait_for("a run for the alert", lambda: len(responses(stack)) >= 1, PATIENCE)
        stub_services.revive(stub_services.evolution)
        stack.wait_for("a run for its end", lambda: len(responses(stack)) >= 2, PATIENCE)

        def collected() -> list[dict[str, Any]]:
            return [run for run in runs_of(stack, "dean_metrics_collection") if run["state"] in ("success", "failed")]

        stack.wait_for("a run of the collection", lambda: len(collected()) >= 2, PATIENCE)
        assert {run["state"] for run in collected()} == {"success"}
        assert responses(stack)[:2] == [
            "firing critical ServiceDown: evolution is down",
            "resolved critical ServiceDown: evolution is down",
        ]
        services = stack.request("GET", "/dean/api/v1/services/status").json()
        assert services["indexagent"]["status"] == services["airflow"]["status"] == "up"
