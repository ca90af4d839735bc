"""From a run in Airflow to the page of what it works on."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from dean_airflow.errors import DeanError, DeploymentNotFound
from dean_airflow.plugin.dags import DEPLOYMENT_DAG
from dean_airflow.plugin.permissions import may_read, stored_of, user_of
from dean_airflow.store.ids import deployment_id_of_run
from dean_airflow.store.store import Store

BEGINNING_DAGS = ("dean_evolution_trial", "dean_remote_trial", DEPLOYMENT_DAG)
"""DAGs whose runs will have a page, though they may not have one yet."""

NOTHING, WAITING, UNREACHABLE = "nothing", "waiting", "unreachable"
"""What a run without a page is: nothing of DEAN's, not begun, or one that cannot be looked up now."""


async def page_of_run(request: Request, dag_id: str, run_id: str) -> RedirectResponse | str:
    """A redirect to the page, or one of NOTHING, WAITING and UNREACHABLE; NOTHING for a DAG the reader may not see."""
    if not await run_in_threadpool(may_read, user_of(request), dag_id):
        return NOTHING
    try:
        path = await stored_of(request)(lambda store: _path(store, dag_id, run_id))
    except DeanError:
        return UNREACHABLE
    if path is None:
        return WAITING if dag_id in BEGINNING_DAGS else NOTHING
    root = request.scope.get("root_path", "").rstrip("/")
    return RedirectResponse(f"{root}/dashboard/{path}", 303)


def _path(store: Store, dag_id: str, run_id: str) -> str | None:
    if trial := store.trials.of_run(dag_id, run_id):
        return f"trials/{quote(trial.id, safe='')}"
    try:
        deployment = store.deployments.get(deployment_id_of_run(store.id, dag_id, run_id))
    except DeploymentNotFound:
        return None
    return f"deployments/{quote(deployment.id, safe='')}"
