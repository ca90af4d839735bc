"""From a run in Airflow to the page of what it worked on."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.errors import DeanError
from dean_airflow.store.store import Store

TRIAL_DAGS = ("dean_evolution_trial", "dean_remote_trial")
PATIENCE = 2.0
"""Seconds the redirect waits for a store that is busy."""

NOTHING, WAITING, UNREACHABLE = "nothing", "waiting", "unreachable"
"""What a run without a page is: nothing of DEAN's, a trial's that has not begun, or one that cannot be looked up."""


def page_of_run(request: Request, dag_id: str, run_id: str) -> RedirectResponse | str:
    """A redirect to the trial's page, or one of NOTHING, WAITING and UNREACHABLE."""
    try:
        with Store.open(settings_in_process().store, patience=PATIENCE) as store:
            trial = store.trials.of_run(dag_id, run_id)
    except DeanError:
        return UNREACHABLE
    if trial is None:
        return WAITING if dag_id in TRIAL_DAGS else NOTHING
    root = request.scope.get("root_path", "").rstrip("/")
    return RedirectResponse(f"{root}/dashboard/trials/{quote(trial.id, safe='')}", 303)
