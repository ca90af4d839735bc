"""A trial as a page has it: started from the form, watched, stopped, taken up again; by Airflow, as its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow_stack import BUNDLE, AirflowStack
from repositories import example_repository

from dean_airflow.store.store import Store
from tests.unit.plugin.test_deployment_routes import succeeded

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

API = "/dean/api/v1"
DAG = "dean_evolution_trial"
PARAMS = {"max_evaluations": 150, "max_runtime_minutes": 5, "generations": 100, "islands": 2, "seed": 3}


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., AirflowStack], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowStack]:
    scratch = tmp_path_factory.mktemp("scratch")
    stack = new_stack(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE, AIRFLOW__DEAN__SCRATCH_DIR=str(scratch))
    with stack.running("api-server", "scheduler", "dag-processor"):
        stack.wait_for_dag(DAG)
        yield stack


def by_cookie(stack: AirflowStack, path: str, body: Any = None, user: str = "admin") -> httpx.Response:
    """As a page of this server posts: with the session's cookie, saying where it comes from."""
    headers = {"Origin": stack.url, "Cookie": f"_token={stack.token(user)}"}
    return httpx.post(stack.url + API + path, json=body, headers=headers, timeout=30)


def test_start_watch_stop_and_take_up_again(stack: AirflowStack, tmp_path: Path) -> None:
    params = {"repository": str(example_repository("shop_report", tmp_path)), **PARAMS}
    assert by_cookie(stack, "/trials", params, user="viewer").status_code == 403
    started = by_cookie(stack, "/trials", params)
    assert started.status_code == 202, started.text
    trial_id, run_id = started.json()["trial_id"], started.json()["run_id"]
    trial = f"{API}/trials/{trial_id}"
    run = stack.request("GET", f"/api/v2/dags/{DAG}/dagRuns/{run_id}").json()
    assert (run["triggering_user_name"], run["conf"]["max_evaluations"]) == ("admin", 150)

    def evaluations() -> int:
        return sum(stack.request("GET", trial, user="viewer").json()["verdicts"].values())

    stack.wait_for("the first evaluations", lambda: evaluations() > 3)
    overview = stack.request("GET", f"{API}/overview", user="viewer").json()
    assert [row["trial_id"] for row in overview["running"]] == [trial_id]
    assert stack.request("GET", trial).json()["may"] == {"stop": True, "retry": False}
    first = stack.request("GET", f"{trial}/candidates?limit=1").json()["candidates"][0]
    diff = stack.request("GET", f"{trial}/candidates/{first['island']}/{first['sequence']}/diff").json()
    assert diff["diff"].startswith("--- a/")

    assert by_cookie(stack, f"/trials/{trial_id}/stop", user="viewer").status_code == 403
    assert by_cookie(stack, f"/trials/{trial_id}/stop").json()["status"] == "cancelled"
    assert by_cookie(stack, f"/trials/{trial_id}/stop").status_code == 400
    run = stack.wait_for("the run's end", lambda: ended(stack, run_id))
    assert run["state"] == "failed"
    stopped = stack.request("GET", trial).json()
    assert (stopped["status"], stopped["may"]) == ("cancelled", {"stop": False, "retry": True})
    kept = evaluations()

    again = by_cookie(stack, f"/trials/{trial_id}/retry")
    assert again.status_code == 202
    run = stack.wait_for("the cleared run to succeed", lambda: ended(stack, run_id, "success"), seconds=300)
    done = stack.request("GET", trial).json()
    assert (done["status"], done["attempt"]) == ("completed", 2)
    assert kept <= done["evaluations"] <= 150
    assert by_cookie(stack, f"/trials/{trial_id}/retry").status_code == 400
    generations = stack.request("GET", f"{trial}/generations").json()
    assert {point["island"] for point in generations["generations"]} == {0, 1}
    champion = stack.request("GET", f"{trial}/champion").json()
    assert (champion["state"] == "published") == (done["outcome"] == "improved")
    if champion["has_patch"]:
        assert stack.request("GET", f"{trial}/patch").text.startswith("From ")


def test_what_airflow_refuses_is_told(stack: AirflowStack, tmp_path: Path) -> None:
    wrong = by_cookie(stack, "/trials", {"repository": str(tmp_path), "generations": 0})
    assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (422, "generations")
    assert by_cookie(stack, "/trials", {}).status_code == 422
    stack.request("PATCH", f"/api/v2/dags/{DAG}", json={"is_paused": True})
    try:
        paused = by_cookie(stack, "/trials", {"repository": str(tmp_path)})
    finally:
        stack.request("PATCH", f"/api/v2/dags/{DAG}", json={"is_paused": False})
    assert (paused.status_code, "is paused" in paused.json()["detail"]) == (409, True)


@pytest.mark.parametrize("user", ["viewer", "outsider", None])
def test_a_started_server_lets_in_whom_it_should(stack: AirflowStack, user: str | None) -> None:
    codes = {
        path: stack.request("GET", "/dean" + path, user=user).status_code
        for path in ("/api/v1/me", "/api/v1/trials", "/api/openapi.json", "/nowhere", "/api/audit/recent")
    }
    expected = {
        "viewer": {"/api/v1/me": 200, "/api/v1/trials": 200, "/api/openapi.json": 200, "/nowhere": 404},
        "outsider": {"/api/v1/me": 200, "/api/v1/trials": 403, "/api/openapi.json": 200, "/nowhere": 404},
        None: dict.fromkeys(codes, 401),
    }[user]
    assert codes == {"/api/audit/recent": 403, **expected}


def test_taking_a_deployment_back_is_a_run_of_its_dag(stack: AirflowStack) -> None:
    stack.wait_for_dag("dean_deployment")
    with Store.open(f"sqlite:///{stack.home}/dean/dean.db") as store:
        deployment_id = succeeded(store)

    assert by_cookie(stack, f"/deployments/{deployment_id}/rollback", user="viewer").status_code == 403
    started = by_cookie(stack, f"/deployments/{deployment_id}/rollback")

    assert started.status_code == 202, started.text
    run = stack.request("GET", f"/api/v2/dags/dean_deployment/dagRuns/{started.json()['run_id']}").json()
    assert run["triggering_user_name"] == "admin"
    assert run["conf"] == {"deployment": "/srv/shop", "environment": "production", "rollback_to": deployment_id}


def test_no_token_is_written_to_a_log(stack: AirflowStack) -> None:
    for user in ("admin", "viewer"):
        stack.request("GET", f"{API}/me", user=user)
        assert stack.token(user) not in stack.logs()


def ended(stack: AirflowStack, run_id: str, state: str | None = None) -> dict[str, Any] | None:
    run: dict[str, Any] = stack.request("GET", f"/api/v2/dags/{DAG}/dagRuns/{run_id}").json()
    wanted = (state,) if state else ("success", "failed")
    return run if run["state"] in wanted else None
