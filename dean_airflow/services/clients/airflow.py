"""Airflow's REST API v2 as DEAN uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dean_airflow.services.call import Call
from dean_airflow.services.clients.service import ServiceClient
from dean_airflow.services.contract.airflow import (
    API,
    PAGE,
    ChangeRun,
    ClearRun,
    ConnectionPassword,
    Dag,
    DagList,
    DagRun,
    DagRunList,
    PauseDag,
    TaskInstance,
    TaskInstanceList,
    TriggerRun,
)
from dean_airflow.services.errors import ConflictError, DagPaused, ServiceTimeout

POLL_SECONDS = 5.0
WAIT_SECONDS = 300.0


class AirflowClient(ServiceClient):
    """Every method may raise any ServiceError; unknown DAGs and runs raise NotFound."""

    async def dags(
        self,
        *,
        limit: int = PAGE,
        offset: int = 0,
        tags: Sequence[str] = (),
        paused: bool | None = None,
        exclude_stale: bool | None = None,
    ) -> DagList:
        """One page of DAGs; Airflow gives at most 100."""
        query = {
            "limit": limit, "offset": offset, "tags": list(tags), "paused": paused, "exclude_stale": exclude_stale,
        }  # fmt: skip
        return await self._read(Call("GET", f"{API}/dags", query=query), DagList)

    async def every_dag(self, *, tags: Sequence[str] = (), paused: bool | None = None) -> AsyncIterator[Dag]:
        """All DAGs, page by page."""
        offset = 0
        while True:
            page = await self.dags(offset=offset, tags=tags, paused=paused)
            for dag in page.dags:
                yield dag
            offset += len(page.dags)
            if not page.dags or offset >= page.total_entries:
                return

    async def dag(self, dag_id: str) -> Dag:
        return await self._read(Call("GET", _dag(dag_id)), Dag)

    async def pause(self, dag_id: str) -> Dag:
        return await self._read(Call("PATCH", _dag(dag_id), body=PauseDag(is_paused=True)), Dag)

    async def unpause(self, dag_id: str) -> Dag:
        return await self._read(Call("PATCH", _dag(dag_id), body=PauseDag(is_paused=False)), Dag)

    async def trigger(
        self,
        dag_id: str,
        *,
        run_id: str,
        conf: Mapping[str, Any] | None = None,
        note: str | None = None,
        logical_date: datetime | None = None,
        unpause: bool = False,
    ) -> DagRun:
        """Triggers a run of that id, once: one that is there already comes back as it is.

        Raises DagPaused where the DAG is paused, which Airflow would accept and leave queued, unless `unpause` is set.
        """
        dag = await self.dag(dag_id)
        if dag.is_paused and unpause:
            await self.unpause(dag_id)
        elif dag.is_paused:
            raise DagPaused(
                f"The DAG {dag_id} is paused, its run would stay queued; unpause it first.",
                service=self.endpoint.name, url=self.endpoint.address(_dag(dag_id)), status=409,
            )  # fmt: skip
        body = TriggerRun(logical_date=logical_date, dag_run_id=run_id, conf=dict(conf or {}), note=note)
        try:
            # Airflow refuses a second run of the same id, so this POST may be repeated.
            return await self._read(Call("POST", f"{_dag(dag_id)}/dagRuns", body=body, reads=True), DagRun)
        except ConflictError:
            return await self.run(dag_id, run_id)

    async def run(self, dag_id: str, run_id: str) -> DagRun:
        return await self._read(Call("GET", _run(dag_id, run_id)), DagRun)

    async def runs(self, dag_id: str, *, states: Sequence[str] = (), limit: int = PAGE, offset: int = 0) -> DagRunList:
        """One page of a DAG's runs, latest first; `~` for those of all DAGs."""
        query = {"limit": limit, "offset": offset, "state": list(states), "order_by": "-run_after"}
        return await self._read(Call("GET", f"{_dag(dag_id)}/dagRuns", query=query), DagRunList)

    async def every_run(self, dag_id: str, *, states: Sequence[str] = ()) -> AsyncIterator[DagRun]:
        """All runs, page by page, latest first."""
        offset = 0
        while True:
            page = await self.runs(dag_id, states=states, offset=offset)
            for run in page.dag_runs:
                yield run
            offset += len(page.dag_runs)
            if not page.dag_runs or offset >= page.total_entries:
                return

    async def stop_run(self, dag_id: str, run_id: str, *, note: str | None = None) -> DagRun:
        """Sets a run failed, which stops its tasks."""
        body = ChangeRun(state="failed") if note is None else ChangeRun(state="failed", note=note)
        return await self._read(Call("PATCH", _run(dag_id, run_id), body=body), DagRun)

    async def clear_run(self, dag_id: str, run_id: str, *, only_failed: bool = True) -> None:
        """Runs it again; with `only_failed` it resumes where it failed."""
        body = ClearRun(dry_run=False, only_failed=only_failed)
        await self._caller.call(Call("POST", f"{_run(dag_id, run_id)}/clear", body=body))

    async def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """All of a run's task instances."""
        found: list[TaskInstance] = []
        while True:
            query = {"limit": PAGE, "offset": len(found)}
            call = Call("GET", f"{_run(dag_id, run_id)}/taskInstances", query=query)
            page = await self._read(call, TaskInstanceList)
            found += page.task_instances
            if not page.task_instances or len(found) >= page.total_entries:
                return found

    async def wait_for_run(
        self, dag_id: str, run_id: str, *, seconds: float = WAIT_SECONDS, poll: float = POLL_SECONDS
    ) -> DagRun:
        """The run once it has ended, as success or failed. Raises ServiceTimeout after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            run = await self.run(dag_id, run_id)
            if run.ended:
                return run
            if time.monotonic() + poll > end:
                raise ServiceTimeout(
                    f"The run {run_id} of {dag_id} is still {run.state} after {seconds:g} s.",
                    service=self.endpoint.name, url=self.endpoint.address(_run(dag_id, run_id)),
                )  # fmt: skip
            await asyncio.sleep(poll)

    async def set_password(self, connection_id: str, kind: str, password: str) -> None:
        """Gives a connection of that type a new password; everything else of it stays. May be repeated."""
        path = f"{API}/connections/{quote(connection_id, safe='')}"
        body = ConnectionPassword(connection_id=connection_id, conn_type=kind, password=password)
        await self._caller.call(Call("PATCH", path, query={"update_mask": "password"}, body=body))

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of any other resource, for example `pools` or `dagSources/<dag_id>`."""
        return (await self._caller.call(Call("GET", f"{API}/{path.lstrip('/')}", query=query))).json()


def _dag(dag_id: str) -> str:
    return f"{API}/dags/{quote(dag_id, safe='~')}"


def _run(dag_id: str, run_id: str) -> str:
    return f"{_dag(dag_id)}/dagRuns/{quote(run_id, safe='')}"
