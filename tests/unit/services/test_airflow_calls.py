"""The Airflow client: runs that are triggered once, paused DAGs, pages of a hundred."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from dean_airflow.services.contract.airflow import run_id_of
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import ConflictError, DagPaused, ServiceTimeout
from dean_airflow.services.pool import ServicePool

from .conftest import QUICK
from .scripted import Scripted, json_answer

pytestmark = pytest.mark.anyio


RUN = {
    "dag_run_id": "r", "dag_id": "d", "state": "queued", "run_after": "2030-01-01T00:00:00Z", "run_type": "manual",
}  # fmt: skip


class Airflow:
    """Enough of Airflow's API to trigger at: strict about bodies, accepting runs of paused DAGs as it does."""

    def __init__(self, paused: bool = False) -> None:
        self.paused = paused
        self.runs: dict[str, dict[str, Any]] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        match request.method, request.path.removeprefix("/api/v2/dags/").split("/"):
            case "GET", [dag_id]:
                return web.json_response({"dag_id": dag_id, "is_paused": self.paused})
            case "PATCH", [dag_id]:
                self.paused = (await request.json())["is_paused"]
                return web.json_response({"dag_id": dag_id, "is_paused": self.paused})
            case "POST", [dag_id, "dagRuns"]:
                body = await request.json()
                if "logical_date" not in body or set(body) - {"logical_date", "dag_run_id", "conf", "note"}:
                    return web.json_response({"detail": [{"loc": ["body"], "msg": "strict"}]}, status=422)
                if body["dag_run_id"] in self.runs:
                    return web.json_response({"detail": {"reason": "Unique constraint violation"}}, status=409)
                run = {**RUN, "dag_id": dag_id, "dag_run_id": body["dag_run_id"], "conf": body["conf"]}
                self.runs[body["dag_run_id"]] = run
                return web.json_response(run)
            case "GET", [_, "dagRuns", run_id]:
                return web.json_response(self.runs[run_id])
        return web.json_response({"detail": "not here"}, status=404)


def airflow(service: Scripted) -> ServicePool:
    return ServicePool([ServiceEndpoint("airflow", "airflow", service.url, BearerToken("t"), timeout=5)], retry=QUICK)


async def test_a_trigger_happens_once(service: Scripted) -> None:
    server = Airflow()
    service.answers(server)
    run_id = run_id_of("trial-1")
    assert run_id == "dean__trial-1__1"
    async with airflow(service) as pool:
        first = await pool.airflow.trigger("dean_evolution_trial", run_id=run_id, conf={"trial_id": "trial-1"})
        second = await pool.airflow.trigger("dean_evolution_trial", run_id=run_id, conf={"trial_id": "trial-1"})
    assert first == second and first.state == "queued"
    assert list(server.runs) == [run_id]


async def test_a_paused_dag_is_a_conflict_unless_it_may_be_unpaused(service: Scripted) -> None:
    server = Airflow(paused=True)
    service.answers(server)
    async with airflow(service) as pool:
        with pytest.raises(DagPaused, match="is paused") as raised:
            await pool.airflow.trigger("d", run_id="r")
        assert isinstance(raised.value, ConflictError) and not server.runs
        await pool.airflow.trigger("d", run_id="r", unpause=True)
    assert not server.paused and list(server.runs) == ["r"]


async def test_airflows_lists_are_paged_by_a_hundred(service: Scripted) -> None:
    dags = [{"dag_id": f"d{number}", "is_paused": False} for number in range(230)]

    async def answer(request: web.Request) -> web.StreamResponse:
        offset, limit = int(request.query["offset"]), min(100, int(request.query["limit"]))
        return web.json_response({"dags": dags[offset : offset + limit], "total_entries": len(dags)})

    service.answers(answer)
    async with airflow(service) as pool:
        assert len([dag async for dag in pool.airflow.every_dag()]) == 230
    assert len(service.calls) == 3


async def test_runs_are_stopped_cleared_and_waited_for(service: Scripted) -> None:
    async with airflow(service) as pool:
        service.answers(json_answer({**RUN, "state": "failed"}))
        await pool.airflow.stop_run("d", "a/b c", note="enough")
        assert service.calls[-1].body == {"state": "failed", "note": "enough"}
        service.answers(json_answer({"task_instances": [], "total_entries": 0}))
        await pool.airflow.clear_run("d", "r")
        assert service.calls[-1].body == {"dry_run": False, "only_failed": True}
        service.answers(json_answer(RUN), json_answer({**RUN, "state": "success"}))
        assert (await pool.airflow.wait_for_run("d", "r", seconds=5, poll=0.001)).state == "success"
        service.answers(json_answer({**RUN, "state": "running"}))
        with pytest.raises(ServiceTimeout, match="still running"):
            await pool.airflow.wait_for_run("d", "r", seconds=0.01, poll=0.001)
