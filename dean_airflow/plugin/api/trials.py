"""Trials: listed, looked at, started, stopped and taken up again. What changes is done by Airflow for the caller."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.plugin.airflow_runner import AirflowRunner
from dean_airflow.plugin.api.answers import row_of, trial_row
from dean_airflow.plugin.api.common import Limit, Moment, Offset, failures
from dean_airflow.plugin.api.form import trial_form
from dean_airflow.plugin.api.models import BaselineFacts, Changed, Form, MayOfTrial, Started, Trial, Trials
from dean_airflow.plugin.dags import TRIAL_DAG
from dean_airflow.plugin.permissions import (
    caller_of,
    changeable_trial,
    dag_of,
    may_run,
    may_see_trials,
    may_start_trials,
    stored_of,
    token_of,
    user_of,
    visible_dags,
    visible_trial,
)
from dean_airflow.services.contract.airflow import run_id_of
from dean_airflow.services.contract.trials import TrialStatus
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.ids import new_trial_id
from dean_airflow.store.store import Store
from dean_airflow.store.trial_pages import TrialFilter, TrialOrder
from dean_airflow.store.trials import Trial as StoredTrial

router = APIRouter(tags=["trials"])

Visible = Annotated[StoredTrial, Depends(visible_trial)]
Changeable = Annotated[StoredTrial, Depends(changeable_trial)]
Outcome = Literal["improved", "no_improvement"]

_OF_BASELINE = {name: ("baseline", name) for name in ("seconds", "repeats", "noise", "mode")}
_OPENED = {
    **_OF_BASELINE,
    "tests": ("baseline", "tests", "#"),
    "sites": ("baseline", "sites", "#"),
    "sandbox": ("sandbox",),
    "environment": ("environment",),
    "islands": ("islands",),
    "threshold": ("config", "diversity_threshold"),
}


@router.get("/trials", responses=failures())
async def list_trials(
    request: Request,
    visible: Annotated[frozenset[str | None], Depends(visible_dags)],
    status: Annotated[list[TrialStatus] | None, Query()] = None,
    outcome: Annotated[list[Outcome] | None, Query()] = None,
    q: Annotated[str, Query(max_length=500, description="Part of the repository or of the id.")] = "",
    since: Annotated[Moment | None, Query(description="Only trials made since; with an offset.")] = None,
    sort: TrialOrder = "created_at",
    order: Literal["asc", "desc"] = "desc",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Trials:
    """The trials whose DAG's runs the caller may read."""
    wanted = TrialFilter(visible, status or (), outcome or (), q, since)
    found, total = await stored_of(request)(
        lambda store: store.trial_pages.page(wanted, order=sort, descending=order == "desc", limit=limit, offset=offset)
    )
    return Trials(trials=[trial_row(trial) for trial in found], total=total, limit=limit, offset=offset)


@router.get("/trials/form", responses=failures(), dependencies=[Depends(may_see_trials)])
def form() -> Form:
    """The form of `dean_evolution_trial`: its params in their order, with limits, defaults and sections."""
    return trial_form()


@router.post("/trials", status_code=202, responses=failures(400, 409), dependencies=[Depends(may_start_trials)])
async def start_trial(request: Request, params: Annotated[dict[str, Any], Body()]) -> Started:
    """Starts a trial with the form's values as a run of `dean_evolution_trial`.

    422 names every wrong field in `details`; 409 when the DAG is paused, or the trial of a given `trial_id` is there.
    """
    given = dict(params)
    trial_id = _asked_id(given.pop("trial_id", None))
    try:
        config = TrialConfig.build(given)
    except ConfigurationError as error:
        raise ApiError(422, str(error)[:2000], details=_problems(given)) from None
    if trial_id is not None and await _is_there(request, trial_id):
        raise ApiError(409, f"There is a trial {trial_id} already; take it up again, or leave the id empty.")
    trial_id = trial_id or new_trial_id()
    await (await runner_of(request)).start(trial_id, config, given, caller_of(request), token_of(request))
    return Started(
        trial_id=trial_id,
        dag_id=TRIAL_DAG,
        run_id=run_id_of(trial_id),
        status="initializing",
        message="The trial is queued; Airflow starts it.",
    )


@router.get("/trials/{trial_id}", responses=failures(404))
async def get_trial(request: Request, trial: Visible) -> Trial:
    """One trial with its config, its baseline, how its candidates fared, and what the caller may do with it."""
    known = await stored_of(request)(lambda store: _known(store, trial.id))
    may = await run_in_threadpool(may_run, user_of(request), dag_of(trial))
    opened, result = known["opened"], trial.result or {}
    verdicts: dict[str, int] = {}
    for tally in known["tallies"]:
        for verdict, count in tally.verdicts.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    row = row_of(trial)
    row["evaluations"] = sum(verdicts.values()) or row["evaluations"]
    return Trial(
        **row,
        config=trial.config,
        target=trial.target,
        baseline=_baseline(opened),
        opened_islands=opened["islands"],
        diversity_threshold=threshold_of(trial),
        verdicts=verdicts,
        result=trial.result,
        has_patch=bool(result.get("patch")),
        has_report=bool(result.get("report")),
        may=MayOfTrial(stop=may and not trial.is_final, retry=may and _may_be_retried(trial)),
        newest_event=known["newest"],
        updated_at=trial.updated_at,
    )


@router.post("/trials/{trial_id}/stop", responses=failures(400, 404, 409))
async def stop_trial(request: Request, trial: Changeable) -> Changed:
    """Sets the trial's run failed, whose teardown tidies up. 400 for a trial that has ended."""
    if trial.is_final:
        raise ApiError(400, f"Trial {trial.id} is {trial.status} and cannot be stopped.")
    await (await runner_of(request)).cancel(trial.id, caller_of(request), token_of(request))
    return Changed(trial_id=trial.id, status="cancelled", message="The trial is stopped; its tasks end within seconds.")


@router.post("/trials/{trial_id}/retry", status_code=202, responses=failures(400, 404, 409))
async def retry_trial(request: Request, trial: Changeable) -> Changed:
    """Clears the trial's run, which goes on where the record ends. 400 unless it failed or was stopped, in a run."""
    if not _may_be_retried(trial):
        why = "no DAG run carries it out" if trial.run_id is None else f"it is {trial.status}"
        raise ApiError(400, f"Trial {trial.id} cannot be taken up again: {why}.")
    await (await runner_of(request)).retry(trial, caller_of(request), token_of(request))
    return Changed(trial_id=trial.id, status=trial.status, message="The run is cleared; Airflow starts it again.")


def threshold_of(trial: StoredTrial) -> float:
    """Diversity below which the trial injects variation."""
    given = trial.config.get("diversity_threshold")
    return float(given if given is not None else TrialConfig.model_fields["diversity_threshold"].default)


async def runner_of(request: Request) -> AirflowRunner:
    """What makes and changes runs for the caller. Raises StoreError."""
    stored = stored_of(request)
    return AirflowRunner(await stored(lambda store: store), stored.threads)


async def _is_there(request: Request, trial_id: str) -> bool:
    return await stored_of(request)(lambda store: store.trials.find(trial_id)) is not None


def _may_be_retried(trial: StoredTrial) -> bool:
    return trial.status in ("failed", "cancelled") and trial.run_id is not None


def _known(store: Store, trial_id: str) -> dict[str, Any]:
    return {
        "opened": store.trial_pages.within(trial_id, "opened", _OPENED),
        "tallies": store.candidates.tallies(trial_id),
        "newest": store.events.newest([trial_id]).get(trial_id, 0),
    }


def _baseline(opened: dict[str, Any]) -> BaselineFacts | None:
    facts = {name: opened[name] for name in BaselineFacts.model_fields}
    return None if all(value is None for value in facts.values()) else BaselineFacts(**facts)


def _asked_id(given: Any) -> str | None:
    if given is None or given == "":
        return None
    schema = next(field for field in trial_form().fields if field.name == "trial_id").json_schema
    if not isinstance(given, str) or not re.fullmatch(schema["pattern"], given):
        problem = {"field": "trial_id", "message": f"must match {schema['pattern']}", "type": "pattern"}
        raise ApiError(422, f"trial_id: {problem['message']}.", details=[problem])
    return given


def _problems(given: dict[str, Any]) -> list[dict[str, str]]:
    try:
        TrialConfig(**given)
    except ValidationError as error:
        return [
            {
                "field": ".".join(str(part) for part in one["loc"]),
                "message": one["msg"].removeprefix("Value error, "),
                "type": one["type"],
            }
            for one in error.errors()
        ]
    return []
