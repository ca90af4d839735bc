"""The monitoring as users run it: shipped DAGs in a real Airflow, services over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.store.store import Store
from dean_airflow.testing.services import StubServices

RULES = """
default_rules: false
groups:
  - name: services
    rules:
      - alert: ServiceDown
        metric: dean_service_health
        below: 1
        severity: critical
        message: "{service} is down"
"""


@pytest.fixture
def installation(
    airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stub_services: StubServices
) -> Iterator[Store]:
    """Settings of an installation with two services, a rules file that fires at once, and its store."""
    (tmp_path / "dean").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RULES", str(tmp_path / "rules.yaml"))
    monkeypatch.setenv("AIRFLOW__DEAN__EVOLUTION_URL", stub_services.urls["evolution"])
    monkeypatch.setenv("AIRFLOW__DEAN__INDEXAGENT_URL", stub_services.urls["indexagent"])
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        yield store


@pytest.fixture
def run_dag(airflow_home: Path) -> Callable[[str], dict[str, str]]:
    """Runs a shipped DAG in this process as `airflow dags test` does; answers each task's state."""

    def run(dag_id: str) -> dict[str, str]:
        from airflow.cli.cli_parser import get_parser
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        arguments = get_parser().parse_args(["dags", "test", dag_id])
        try:
            arguments.func(arguments)
        except SystemExit as ended:
            assert not ended.code, f"{dag_id} ended with {ended.code}"
        with create_session() as session:
            newest = session.query(DagRun).filter(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).first()
            return {task.task_id: str(task.state) for task in newest.task_instances}

    return run


@pytest.fixture
def asset_events(airflow_home: Path) -> Callable[[], list[dict[str, Any]]]:
    """The alerts that the asset `dean_alert` was announced with so far, oldest first."""

    def read() -> list[dict[str, Any]]:
        from airflow.models.asset import AssetEvent, AssetModel
        from airflow.utils.session import create_session

        with create_session() as session:
            events = (
                session.query(AssetEvent)
                .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
                .filter(AssetModel.name == "dean_alert")
                .order_by(AssetEvent.id)
            )
            extras = [event.extra if isinstance(event.extra, dict) else json.loads(event.extra) for event in events]
        return [alert for extra in extras for alert in extra.get("alerts", [])]

    return read
