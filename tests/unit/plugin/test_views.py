"""Where Airflow's UI shows the pages, and the links that lead there, also below a path."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.airflow


@pytest.fixture(params=["", "/airflow"])
def base(request: pytest.FixtureRequest, airflow_home: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"https://airflow.example{request.param}")
    return str(request.param)


def test_each_view_is_one_that_airflow_collects(base: str) -> None:
    from dean_airflow.plugin.dean_plugin import _views

    views = _views()

    assert {view["destination"]: view["href"] for view in views} == {
        "nav": f"{base}/dean/dashboard",
        "dag_run": f"{base}/dean/dashboard/runs/{{DAG_ID}}/{{RUN_ID}}",
        "task_instance": f"{base}/dean/dashboard/runs/{{DAG_ID}}/{{RUN_ID}}",
    }
    assert len({view["url_route"] for view in views}) == len(views)


def test_airflow_has_collected_them(airflow_home: Any) -> None:
    from airflow.plugins_manager import get_plugin_info

    found = next(plugin for plugin in get_plugin_info(["external_views", "fastapi_apps"]) if plugin["name"] == "dean")

    assert {view["url_route"] for view in found["external_views"]} == {"dean", "dean-run", "dean-task"}


def test_links_lead_to_pages_within_airflow(base: str) -> None:
    from dean_airflow.links import DeploymentPageLink, TrialPageLink, TrialReportLink

    done: Any = SimpleNamespace(trial_id="trial-1", deployment_id="deployment-1")
    key: Any = None
    within = f"{base}/plugin/dean{base}/dean"

    assert TrialPageLink().get_link(done, ti_key=key) == f"{within}/dashboard/trials/trial-1"
    assert DeploymentPageLink().get_link(done, ti_key=key) == f"{within}/dashboard/deployments/deployment-1"
    assert TrialReportLink().get_link(done, ti_key=key) == f"{base}/dean/trials/trial-1/report"


def test_a_task_that_never_learnt_its_trial_has_no_link(airflow_home: Any) -> None:
    from dean_airflow.links import DeploymentPageLink, TrialPageLink

    never: Any = SimpleNamespace(trial_id=None)
    key: Any = None

    assert (TrialPageLink().get_link(never, ti_key=key), DeploymentPageLink().get_link(never, ti_key=key)) == ("", "")
