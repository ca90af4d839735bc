"""Who may do what, asked of Airflow's auth manager by DAG: a trial is as open as the runs of the DAG it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from dean_airflow.plugin.dags import DEPLOYMENT_DAG, METRICS_DAG, TRIAL_DAG
from dean_airflow.plugin.gate import USER
from dean_airflow.plugin.stored import Stored
from dean_airflow.services.contract.errors import INSUFFICIENT_PERMISSIONS, TRIAL_NOT_FOUND
from dean_airflow.services.server.caller import Caller, all_roles
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.trials import Trial


def user_of(request: HTTPConnection) -> BaseUser:
    """The caller, whom the gate has put there."""
    user: BaseUser = request.scope["state"][USER]
    return user


def caller_of(request: Request) -> Caller:
    """The same as the services know callers. Airflow has decided already; the roles are for nobody to decide by."""
    user = user_of(request)
    return Caller(user.get_id(), user.get_name(), all_roles(("viewer",)), "airflow")


def token_of(connection: HTTPConnection) -> str:
    """The caller's own credential, for what is asked of Airflow on their behalf."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else connection.cookies.get(COOKIE_NAME_JWT_TOKEN, "")


def stored_of(request: HTTPConnection) -> Stored:
    stored: Stored = request.app.state.stored
    return stored


def may_read(user: BaseUser, dag_id: str) -> bool:
    """Whether the runs of a DAG are open to a user. May wait: auth managers may ask elsewhere."""
    return _is_authorized("GET", user, dag_id)


def may_run(user: BaseUser, dag_id: str) -> bool:
    """Whether a user may make runs of a DAG, which is also what stopping, repeating and silencing need."""
    return _is_authorized("POST", user, dag_id)


def may_administer(user: BaseUser) -> bool:
    return get_auth_manager().is_authorized_configuration(method="PUT", user=user)


def _is_authorized(method: Any, user: BaseUser, dag_id: str) -> bool:
    # Airflow looks the team up for every decision; where there are none that is a query for nothing.
    team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team", fallback=False) else None
    details = DagDetails(id=dag_id, team_name=team)
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=DagAccessEntity.RUN, details=details, user=user
    )


def reads(dag_id: str) -> Callable[[Request], None]:
    """A dependency: 403 unless the caller may read the runs of that DAG."""

    def decided(request: Request) -> None:
        require(may_read(user_of(request), dag_id))

    return decided


def runs(dag_id: str) -> Callable[[Request], None]:
    """A dependency: 403 unless the caller may make runs of that DAG."""

    def decided(request: Request) -> None:
        require(may_run(user_of(request), dag_id))

    return decided


def administers(request: Request) -> None:
    """A dependency: 403 unless the caller may change Airflow's configuration."""
    require(may_administer(user_of(request)))


may_see_trials, may_start_trials = reads(TRIAL_DAG), runs(TRIAL_DAG)
may_see_metrics, may_silence = reads(METRICS_DAG), runs(METRICS_DAG)
may_see_deployments, may_deploy = reads(DEPLOYMENT_DAG), runs(DEPLOYMENT_DAG)


async def visible_dags(request: Request) -> frozenset[str | None]:
    """A dependency: the DAGs whose trials the caller may see; trials of no DAG are as those of `dean_evolution_trial`.

    403 where there is none.
    """
    known = await stored_of(request)(lambda store: store.trial_pages.dags())
    visible = await run_in_threadpool(visible_of, user_of(request), known, TRIAL_DAG)
    require(bool(visible))
    return visible


def visible_of(user: BaseUser, known: set[str | None], own: str) -> frozenset[str | None]:
    """Those of the DAGs and DEAN's `own` whose runs the user may read; None, of what belongs to no DAG, is as `own`."""
    dags = {own, *(dag for dag in known if dag is not None)}
    allowed: set[str | None] = {dag for dag in dags if may_read(user, dag)}
    return frozenset(allowed | {None} if own in allowed else allowed)


async def visible_trial(request: Request, trial_id: str) -> Trial:
    """A dependency: the trial a path names; 404 for one that is unknown or not the caller's to see, 403 for those who
    may see no trial at all.
    """
    trial = await stored_of(request)(lambda store: store.trials.find(trial_id))
    if not await run_in_threadpool(may_read, user_of(request), dag_of(trial)):
        require(trial is not None and await run_in_threadpool(may_read, user_of(request), TRIAL_DAG))
        trial = None
    if trial is None:
        raise ApiError(404, TRIAL_NOT_FOUND)
    return trial


async def changeable_trial(request: Request, trial_id: str) -> Trial:
    """A dependency: as `visible_trial`, and 403 unless the caller may make runs of its DAG."""
    trial = await visible_trial(request, trial_id)
    require(await run_in_threadpool(may_run, user_of(request), dag_of(trial)))
    return trial


def dag_of(trial: Trial | None) -> str:
    """The DAG whose permissions hold for a trial."""
    return TRIAL_DAG if trial is None or trial.dag_id is None else trial.dag_id


def require(allowed: bool) -> None:
    """Raises ApiError 403."""
    if not allowed:
        raise ApiError(403, INSUFFICIENT_PERMISSIONS)
