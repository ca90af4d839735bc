"""GET /dashboard and below: the pages. What they show comes from the routes of DEAN's own API, not from here."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from dean_airflow.plugin.dags import DEPLOYMENT_DAG, METRICS_DAG, TRIAL_DAG
from dean_airflow.plugin.pages import static_files
from dean_airflow.plugin.pages.runs import page_of_run
from dean_airflow.plugin.pages.shell import Page, render
from dean_airflow.plugin.permissions import may_read, user_of
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS
from dean_airflow.services.server.faults import ApiError


def may_see_something(request: Request) -> None:
    """A dependency: 403 for who may see neither trials nor metrics nor deployments, and so would see empty pages."""
    user = user_of(request)
    if not any(may_read(user, dag_id) for dag_id in (TRIAL_DAG, METRICS_DAG, DEPLOYMENT_DAG)):
        raise ApiError(403, INSUFFICIENT_PERMISSIONS)


router = APIRouter(include_in_schema=False, dependencies=[Depends(may_see_something)])
router.include_router(static_files.router)

OVERVIEW = Page("overview.js", "Overview", "overview", charts=True)
TRIALS = Page("trials.js", "Trials", "trials")
NEW_TRIAL = Page("trial_form.js", "Start a trial", "trials")
TRIAL = Page("trial.js", "Trial", "trials", charts=True)
PATTERNS = Page("patterns.js", "Patterns", "patterns")
METRICS = Page("metrics.js", "Metrics", "metrics", charts=True)
DEPLOYMENTS = Page("deployments.js", "Deployments", "deployments")
DEPLOYMENT = Page("deployment.js", "Deployment", "deployments")
RUN = Page("run.js", "Run", "overview")


@router.get("/dashboard")
def overview(request: Request) -> HTMLResponse:
    """Services, trials under way, recent outcomes, alerts."""
    return render(request, OVERVIEW)


@router.get("/dashboard/trials")
def trials(request: Request) -> HTMLResponse:
    """Every trial, filtered and sorted."""
    return render(request, TRIALS)


@router.get("/dashboard/trials/new")
def new_trial(request: Request) -> HTMLResponse:
    """The form that starts a trial."""
    return render(request, NEW_TRIAL)


@router.get("/dashboard/trials/{trial_id}")
def trial(request: Request, trial_id: str) -> HTMLResponse:
    """One trial, as it happens. Whether there is one of that id, the page's module finds out."""
    return render(request, TRIAL, {"trial": trial_id})


@router.get("/dashboard/patterns")
def patterns(request: Request) -> HTMLResponse:
    """What worked, over all trials."""
    return render(request, PATTERNS)


@router.get("/dashboard/metrics")
def metrics(request: Request) -> HTMLResponse:
    """Any series, and the alerts."""
    return render(request, METRICS)


@router.get("/dashboard/deployments")
def deployments(request: Request) -> HTMLResponse:
    """Every deployment."""
    return render(request, DEPLOYMENTS)


@router.get("/dashboard/deployments/{deployment_id}")
def deployment(request: Request, deployment_id: str) -> HTMLResponse:
    """One deployment: its findings and its steps, as they happen."""
    return render(request, DEPLOYMENT, {"deployment": deployment_id})


@router.get("/dashboard/runs/{dag_id}/{run_id:path}")
async def run(request: Request, dag_id: str, run_id: str) -> Response:
    """Leads from a run in Airflow to what it worked on; a page that says so where that is nothing of DEAN's."""
    found = await page_of_run(request, dag_id, run_id)
    if isinstance(found, str):
        return render(request, RUN, {"dag": dag_id, "run": run_id, "state": found})
    return found
