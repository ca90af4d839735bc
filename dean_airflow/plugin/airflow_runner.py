"""Trials as runs of `dean_evolution_trial`, made through Airflow's own API in this process and with the caller's token:
permissions, checks of params and the audit are Airflow's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp

from dean_airflow.errors import StoreError
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.plugin.dags import TRIAL_DAG
from dean_airflow.services.contract.airflow import API, ChangeRun, ClearRun, TriggerRun, run_id_of
from dean_airflow.services.in_process import Answered, call
from dean_airflow.services.server.caller import Caller
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store
from dean_airflow.store.trials import Trial

ALREADY = 409
"""Airflow's answer to a run id it has: what was asked for is under way."""


class AirflowRunner:
    """The runner of what is mounted in Airflow."""

    def __init__(self, store: Store, threads: Threads) -> None:
        self._store, self._threads = store, threads

    async def start(
        self, trial_id: str, config: TrialConfig, request: dict[str, Any], caller: Caller, credential: Any
    ) -> None:
        """Raises ApiError: 409 for a paused DAG, what Airflow says otherwise."""
        await require_unpaused(TRIAL_DAG, credential)
        run_id = run_id_of(trial_id)
        await self._threads(
            lambda: self._store.served.create(
                trial_id, config.model_dump(), request,
                asked_by=caller.user, execution=run_id, dag_run=(TRIAL_DAG, run_id),
            )
        )  # fmt: skip
        conf = {**config.model_dump(mode="json"), "trial_id": trial_id}
        answer = await _trigger(TRIAL_DAG, run_id, conf, credential)
        if answer.status >= 400 and answer.status != ALREADY:
            await self._threads(self._give_up, trial_id, answer)
            raise _refusal(answer)

    async def cancel(self, trial_id: str, caller: Caller, credential: Any) -> None:
        """Sets the trial's run failed, whose teardown tidies up; a trial without a run ends at its next write."""
        trial = await self._threads(self._store.trials.get, trial_id)
        if trial.dag_id is not None and trial.run_id is not None:
            body = ChangeRun(state="failed", note=f"Cancelled by {caller.user}.").model_dump(exclude_none=True)
            answer = await _airflow("PATCH", _run_of(trial), credential, body)
            if answer.status >= 400 and answer.status != 404:  # a run that was removed can do nothing any more
                raise _refusal(answer)
        await self._threads(lambda: self._store.trials.transition(trial_id, "cancelled", stop_reason="cancelled"))

    async def retry(self, trial: Trial, caller: Caller, credential: Any) -> None:
        """Clears the trial's run with all of its tasks, each of which goes on where its record ends.

        Raises ApiError: 409 where the run is gone or goes on, what Airflow says otherwise.
        """
        body = ClearRun(dry_run=False).model_dump()
        answer = await _airflow("POST", f"{_run_of(trial)}/clear", credential, body)
        if answer.status == 404:
            raise ApiError(409, f"The run {trial.run_id} is not in Airflow any more; start a new trial.")
        if answer.status >= 400:
            raise _refusal(answer)

    async def check(self) -> None:
        """Raises StoreError when Airflow does not know the DAG."""
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session

        def known() -> bool:
            with create_session() as session:
                return session.get(DagModel, TRIAL_DAG) is not None

        if not await self._threads(known):
            raise StoreError(f"Airflow has not seen {TRIAL_DAG} yet; `airflow dean dags` says how it gets it.")

    def _give_up(self, trial_id: str, answer: Answered) -> None:
        self._store.trials.transition(
            trial_id, "failed", stop_reason="error", error=f"Airflow refused the run: {answer.detail}"[:1000]
        )


async def trigger(dag_id: str, run_id: str, conf: Mapping[str, Any], credential: Any) -> None:
    """Makes a run of a DAG as the bearer of a credential. Raises ApiError: 409 for a paused DAG or a run id in use."""
    await require_unpaused(dag_id, credential)
    answer = await _trigger(dag_id, run_id, conf, credential)
    if answer.status >= 400:
        raise _refusal(answer, dag_id)


async def require_unpaused(dag_id: str, credential: Any) -> None:
    """Raises ApiError 409 for a paused DAG: Airflow would accept the run, and leave it queued for ever."""
    answer = await _airflow("GET", f"{API}/dags/{dag_id}", credential)
    if answer.status >= 400:
        raise _refusal(answer, dag_id)
    if answer.body.get("is_paused"):
        raise ApiError(409, f"The DAG {dag_id} is paused; unpause it in Airflow, then start again.")


async def _trigger(dag_id: str, run_id: str, conf: Mapping[str, Any], credential: Any) -> Answered:
    body = TriggerRun(logical_date=None, dag_run_id=run_id, conf=dict(conf))
    sent = {"logical_date": None, **body.model_dump(mode="json", exclude_none=True)}
    return await _airflow("POST", f"{API}/dags/{dag_id}/dagRuns", credential, sent)


async def _airflow(method: str, path: str, token: str, body: Any = None) -> Answered:
    return await call(_airflows_app(), method, path, token=token, body=body)


def _run_of(trial: Trial) -> str:
    return f"{API}/dags/{quote(trial.dag_id or '', safe='')}/dagRuns/{quote(trial.run_id or '', safe='')}"


def _airflows_app() -> ASGIApp:
    from airflow.api_fastapi.app import cached_app

    return cached_app()


def _refusal(answer: Answered, dag_id: str = TRIAL_DAG) -> ApiError:
    if answer.status == 404:
        return ApiError(503, f"Airflow has not seen {dag_id} yet; `airflow dean dags` says how it gets it.")
    if answer.status in (400, 401, 403, 409, 422, 429):
        return ApiError(answer.status, f"Airflow: {answer.detail or 'refused'}")
    return ApiError(503, "Airflow could not do it; its log says why.")
