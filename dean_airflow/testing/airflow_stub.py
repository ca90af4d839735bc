"""A stub of the part of Airflow's REST API v2 that DEAN uses: strict where Airflow is strict, silent where it is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse

from dean_airflow.services.contract.airflow import (
    API,
    LOGIN_PATH,
    PAGE,
    AccessToken,
    ChangeRun,
    ClearRun,
    ComponentHealth,
    Dag,
    DagList,
    DagRun,
    DagRunList,
    Login,
    MonitorHealth,
    PauseDag,
    TaskInstanceList,
    TriggerRun,
)
from dean_airflow.testing.airflow_runs import SHIPPED, StubDag, StubRun, Tokens
from dean_airflow.testing.scenario import Play, Scenario
from dean_airflow.testing.stub import Stub, utc_now

M = TypeVar("M", bound=BaseModel)

_ORDERS = ("run_after", "start_date", "end_date", "logical_date", "state", "dag_run_id")


class AirflowStub(Stub):
    """Airflow, as far as DEAN uses it over HTTP. Every run of a DAG that is not paused goes through a scenario."""

    name: ClassVar[str] = "airflow"

    def __init__(
        self,
        *,
        dags: Sequence[StubDag] = SHIPPED,
        users: dict[str, str] | None = None,
        token_life: float = 3600.0,
        scenario: Scenario | None = None,
        now: Callable[[], datetime] = utc_now,
        port: int = 0,
    ) -> None:
        """`users`: passwords by name; by default one, see `username` and `password`. `token_life` in seconds."""
        self._given_dags = dags
        self.users = users or {"dean": "stub-password-of-dean"}
        self._token_life = token_life
        super().__init__(scenario=scenario, now=now, port=port)

    @property
    def username(self) -> str:
        return next(iter(self.users))

    @property
    def password(self) -> str:
        return self.users[self.username]

    def trigger(self, dag_id: str, run_id: str, **conf: Any) -> DagRun:
        """A run as POST …/dagRuns accepts it, for tests that need one to be there. Raises KeyError."""
        body = TriggerRun(logical_date=None, dag_run_id=run_id, conf=conf)
        return self.within(lambda: self._accept(self.dags[dag_id], body).shown())

    def forget(self) -> None:
        super().forget()
        self.dags = {dag.dag_id: copy.deepcopy(dag) for dag in self._given_dags}
        self.tokens = Tokens(self.now, self._token_life)
        self.unhealthy: set[str] = set()
        """Of metadatabase, scheduler, triggerer and dag_processor: those that monitor/health calls unhealthy."""

    def build(self) -> FastAPI:
        app = FastAPI(title="Airflow (stub)", openapi_url=None)
        app.post(LOGIN_PATH, status_code=201)(self._log_in)
        app.get(f"{API}/monitor/health", response_model_exclude_unset=True)(self._health)
        app.include_router(self._protected(), prefix=API)
        return app

    def _protected(self) -> APIRouter:
        router = APIRouter(dependencies=[Depends(self._authenticate)])
        router.get("/version")(self._version)
        router.get("/dags")(self._list_dags)
        router.get("/dags/{dag_id}")(self._get_dag)
        router.patch("/dags/{dag_id}")(self._patch_dag)
        router.get("/dags/{dag_id}/tasks")(self._list_tasks)
        router.get("/dags/{dag_id}/dagRuns")(self._list_runs)
        router.post("/dags/{dag_id}/dagRuns")(self._trigger)
        router.get("/dags/{dag_id}/dagRuns/{run_id}")(self._get_run)
        router.patch("/dags/{dag_id}/dagRuns/{run_id}")(self._patch_run)
        router.post("/dags/{dag_id}/dagRuns/{run_id}/clear")(self._clear_run)
        router.get("/dags/{dag_id}/dagRuns/{run_id}/taskInstances")(self._list_task_instances)
        router.get("/pools")(self._list_pools)
        router.get("/variables")(_nothing("variables"))
        router.get("/connections")(_nothing("connections"))
        return router

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        fault = self.tokens.fault_of(token)
        if fault == 401:
            raise HTTPException(401, "Token Expired")
        if fault:
            raise HTTPException(fault, "Invalid JWT token")

    async def _log_in(self, request: Request) -> AccessToken:
        login = await _read(request, Login)
        if self.users.get(login.username) != login.password:
            raise HTTPException(401, "Invalid credentials")
        token = self.random_id("stub-token-")
        self.tokens.add(token)
        return AccessToken(access_token=token)

    async def _health(self) -> MonitorHealth:
        def component(name: str) -> ComponentHealth:
            heartbeat = {f"latest_{name}_heartbeat": self.now().isoformat()} if name != "metadatabase" else {}
            return ComponentHealth(status="unhealthy" if name in self.unhealthy else "healthy", **heartbeat)

        return MonitorHealth(
            metadatabase=component("metadatabase"),
            scheduler=component("scheduler"),
            triggerer=component("triggerer"),
            dag_processor=component("dag_processor"),
        )

    async def _version(self) -> dict[str, Any]:
        return {"version": "3.3.0", "git_version": None}

    async def _list_dags(
        self,
        limit: Annotated[int, Query(ge=0)] = 50,
        offset: Annotated[int, Query(ge=0)] = 0,
        tags: Annotated[list[str] | None, Query()] = None,
        paused: bool | None = None,
    ) -> DagList:
        found = [
            dag.shown()
            for dag in sorted(self.dags.values(), key=lambda one: one.dag_id)
            if (not tags or set(tags) & set(dag.tags)) and (paused is None or dag.is_paused is paused)
        ]
        return DagList(dags=found[offset : offset + min(limit, PAGE)], total_entries=len(found))

    async def _get_dag(self, dag_id: str) -> Dag:
        return self._dag(dag_id).shown()

    async def _patch_dag(self, dag_id: str, request: Request) -> Dag:
        dag, change = self._dag(dag_id), await _read(request, PauseDag)
        dag.is_paused = change.is_paused
        if not dag.is_paused:
            for run in dag.runs.values():
                self._let_run(dag, run)
        return dag.shown()

    async def _list_tasks(self, dag_id: str) -> dict[str, Any]:
        tasks = [{"task_id": name, "operator_name": "PythonOperator"} for name in self._dag(dag_id).tasks]
        return {"tasks": tasks, "total_entries": len(tasks)}

    async def _list_runs(
        self,
        dag_id: str,
        limit: Annotated[int, Query(ge=0)] = 50,
        offset: Annotated[int, Query(ge=0)] = 0,
        state: Annotated[list[str] | None, Query()] = None,
        order_by: str = "id",
    ) -> DagRunList:
        dags = self.dags.values() if dag_id == "~" else [self._dag(dag_id)]
        runs = [run.shown() for dag in dags for run in dag.runs.values() if not state or run.state in state]
        key = order_by.lstrip("-")
        if key in _ORDERS:
            runs.sort(key=lambda run: str(getattr(run, key)), reverse=order_by.startswith("-"))
        return DagRunList(dag_runs=runs[offset : offset + min(limit, PAGE)], total_entries=len(runs))

    async def _trigger(self, dag_id: str, request: Request) -> DagRun:
        body, dag = await _read(request, TriggerRun), self._dag(dag_id)
        return self._accept(dag, body).shown()

    def _accept(self, dag: StubDag, body: TriggerRun) -> StubRun:
        if dag.has_import_errors:
            raise HTTPException(400, f"Dag with dag_id: '{dag.dag_id}' has import errors and cannot be triggered")
        missing = [name for name in dag.required if name not in body.conf]
        if missing:
            raise HTTPException(400, f"Invalid input for param {missing[0]}: No value passed and Param has no default")
        run_id = body.dag_run_id or f"manual__{self.now().isoformat()}_{self.chance.getrandbits(32):08x}"
        if run_id in dag.runs:
            reason = {"reason": "Unique constraint violation", "statement": "hidden", "orig_error": "hidden"}
            raise HTTPException(409, {**reason, "message": "The run id is taken"})
        run = StubRun(dag, run_id, body, self.next_scenario(), self.now)
        dag.runs[run_id] = run
        if not dag.is_paused:
            self._let_run(dag, run)
        return run

    async def _get_run(self, dag_id: str, run_id: str) -> DagRun:
        return self._run(dag_id, run_id).shown()

    async def _patch_run(self, dag_id: str, run_id: str, request: Request) -> DagRun:
        change, run = await _read(request, ChangeRun), self._run(dag_id, run_id)
        if change.note is not None:
            run.note = change.note
        if change.state is not None:
            self._stop_run(dag_id, run_id)
            run.set_state(change.state)
        return run.shown()

    async def _clear_run(self, dag_id: str, run_id: str, request: Request) -> Any:
        body, run = await _read(request, ClearRun), self._run(dag_id, run_id)
        if body.dry_run:
            names = {task.task_id for task in run.clearable(body.only_failed)}
            found = [task for task in run.shown_tasks() if task.task_id in names]
            return TaskInstanceList(task_instances=found, total_entries=len(found))
        self._stop_run(dag_id, run_id)
        run.clear(body.only_failed)
        run.scenario = self.next_scenario()
        if not self._dag(dag_id).is_paused:
            self._let_run(self._dag(dag_id), run)
        return run.shown()

    async def _list_task_instances(self, dag_id: str, run_id: str) -> TaskInstanceList:
        found = self._run(dag_id, run_id).shown_tasks()
        return TaskInstanceList(task_instances=found, total_entries=len(found))

    async def _list_pools(self) -> dict[str, Any]:
        used = sum(run.state == "running" for dag in self.dags.values() for run in dag.runs.values())
        pool = {"name": "default_pool", "slots": 128, "occupied_slots": used, "open_slots": 128 - used}
        return {"pools": [pool], "total_entries": 1}

    def _dag(self, dag_id: str) -> StubDag:
        if dag_id not in self.dags:
            raise HTTPException(404, f"The Dag with ID: `{dag_id}` was not found")
        return self.dags[dag_id]

    def _run(self, dag_id: str, run_id: str) -> StubRun:
        run = self._dag(dag_id).runs.get(run_id)
        if run is None:
            raise HTTPException(404, f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found")
        return run

    def _let_run(self, dag: StubDag, run: StubRun) -> None:
        if run.state == "queued":
            self.play(f"{dag.dag_id}/{run.run_id}", Play(run.scenario, run.apply))

    def _stop_run(self, dag_id: str, run_id: str) -> None:
        key = f"{dag_id}/{run_id}"
        if key in self._plays:
            self.stop_playing(key)


async def _read(request: Request, model: type[M]) -> M:
    """The body, read as strictly as Airflow reads it."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        problems = [{"loc": ["body", *one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors()]
        raise HTTPException(422, problems) from None


def _nothing(name: str) -> Callable[[], Any]:
    async def empty() -> JSONResponse:
        return JSONResponse({name: [], "total_entries": 0})

    return empty
