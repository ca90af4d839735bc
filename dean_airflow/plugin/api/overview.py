"""The overview, and what the caller may do: the first that a page asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from dean_airflow.metrics import views
from dean_airflow.metrics.alerts.judging import summary_of
from dean_airflow.metrics.history import History
from dean_airflow.plugin.api.answers import finite, trial_row
from dean_airflow.plugin.api.common import failures
from dean_airflow.plugin.api.deployment_models import DeploymentRow
from dean_airflow.plugin.api.deployments import deployment_row
from dean_airflow.plugin.api.models import Model, TrialRow
from dean_airflow.plugin.dags import DEPLOYMENT_DAG, METRICS_DAG, TRIAL_DAG
from dean_airflow.plugin.permissions import (
    may_administer,
    may_read,
    may_run,
    stored_of,
    user_of,
    visible_dags,
)
from dean_airflow.services.contract.base import UtcTime
from dean_airflow.store.fence import UNDER_WAY
from dean_airflow.store.store import Store
from dean_airflow.store.trial_pages import TrialFilter

router = APIRouter(tags=["overview"])

RUNNING_SHOWN, RECENT_SHOWN, ALERTS_SHOWN, DEPLOYMENTS_SHOWN = 20, 10, 50, 5
LATENCIES_SHOWN = 50
LATENCIES_OF = timedelta(hours=1)


class May(Model):
    """What the caller may do; of a single trial its own `may` tells."""

    see_trials: bool
    start_trial: bool
    see_metrics: bool
    silence: bool
    see_deployments: bool
    deploy: bool
    roll_back: bool
    administer: bool


class Me(Model):
    user: str
    may: May


class ServiceShown(Model):
    """A service as last collected. `latency`: [seconds since 1970, ms] of its health checks in the last hour, at most
    50. `breaker`: closed, open or half_open, null where nobody has called it through one.
    """

    name: str
    status: str
    version: str | None
    url: str | None
    latency_ms: float | None
    last_check: str | None
    breaker: str | None
    latency: list[tuple[float, float | None]]


class Overview(Model):
    """`services` and `alerts` are null for who may not read the runs of `dean_metrics_collection`, `deployments` (the
    last five) for who may not read those of `dean_deployment`.
    """

    now: UtcTime
    services: list[ServiceShown] | None
    running: list[TrialRow]
    recent: list[TrialRow]
    counts: dict[str, int]
    alerts: list[dict[str, Any]] | None
    deployments: list[DeploymentRow] | None
    patterns: int


@router.get("/me", responses=failures())
def me(request: Request) -> Me:
    """Who asks, and what they may do."""
    user = user_of(request)
    see_metrics, deploy = may_read(user, METRICS_DAG), may_run(user, DEPLOYMENT_DAG)
    may = May(
        see_trials=may_read(user, TRIAL_DAG),
        start_trial=may_run(user, TRIAL_DAG),
        see_metrics=see_metrics,
        silence=may_run(user, METRICS_DAG),
        see_deployments=may_read(user, DEPLOYMENT_DAG),
        deploy=deploy,
        roll_back=deploy,
        administer=may_administer(user),
    )
    return Me(user=user.get_name(), may=may)


@router.get("/overview", responses=failures())
async def overview(request: Request, visible: Annotated[frozenset[str | None], Depends(visible_dags)]) -> Overview:
    """How services are, which trials run, how the last ones ended, what fires."""
    user, stored = user_of(request), stored_of(request)
    with_metrics, with_deployments = await run_in_threadpool(
        lambda: (may_read(user, METRICS_DAG), may_read(user, DEPLOYMENT_DAG))
    )
    found = await stored(lambda store: _read(store, visible, with_metrics))
    deployed = (await stored(_last_deployments)) if with_deployments else None
    return Overview(**found, deployments=deployed)


def _last_deployments(store: Store) -> list[DeploymentRow]:
    found, _ = store.deployment_pages.page((None, DEPLOYMENT_DAG), limit=DEPLOYMENTS_SHOWN)
    return [deployment_row(one) for one in found]


def _read(store: Store, visible: frozenset[str | None], with_metrics: bool) -> dict[str, Any]:
    pages = store.trial_pages
    running, _ = pages.page(
        TrialFilter(visible, UNDER_WAY), order="created_at", descending=True, limit=RUNNING_SHOWN, offset=0
    )
    ended = TrialFilter(visible, ("completed", "failed", "cancelled"))
    recent, _ = pages.page(ended, order="completed_at", descending=True, limit=RECENT_SHOWN, offset=0)
    alerts = [summary_of(alert) for alert in store.alerts.list()][:ALERTS_SHOWN] if with_metrics else None
    return {
        "now": store.now(),
        "services": services(store) if with_metrics else None,
        "running": [trial_row(trial) for trial in running],
        "recent": [trial_row(trial) for trial in recent],
        "counts": pages.counts(visible),
        "alerts": alerts,
        "patterns": store.discoveries.count(),
    }


def services(store: Store) -> list[ServiceShown]:
    """Every service with its health, breaker and latencies; the machine itself is none."""
    now, history = store.now(), History(store)
    breakers = {circuit.name: circuit.state for circuit in store.circuits.list()}
    checks = history.select("dean_health_check_duration_seconds", start=now - LATENCIES_OF, end=now)
    latencies = {
        series.service: [(time / 1000, _ms(seconds)) for time, seconds in series.points[-LATENCIES_SHOWN:]]
        for series in checks
    }
    return [
        ServiceShown(name=name, **one, breaker=breakers.get(name), latency=latencies.get(name, []))
        for name, one in views.service_status(history, now).items()
        if name != "host"
    ]


def _ms(seconds: float) -> float | None:
    known = finite(seconds)
    return None if known is None else round(1000 * known, 1)
