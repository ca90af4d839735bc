"""What the typed clients add to a call: the contract's words, paging, starts and triggers that happen once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from dean_airflow.errors import DeanError
from dean_airflow.services.contract.agents import ChangeAgent, CreateAgent
from dean_airflow.services.contract.airflow import run_id_of
from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import (
    ConflictError,
    DagPaused,
    NotFound,
    RejectedRequest,
    ServiceNotConfigured,
    ServiceTimeout,
    ServiceUnavailable,
)
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.retrying import RetryPolicy

from .conftest import QUICK
from .scripted import HEALTH, TRIAL, Scripted, drops, hangs, json_answer, nobody, refused

pytestmark = pytest.mark.anyio

AGENT = {"id": "agent-1", "name": "a", "config": {"name": "a"}, "created_at": "2030-01-01T00:00:00Z"}
CONFIG = StartTrial(repository="/code", generations=3)


class Trials:
    """An Evolution API of which the answers to starts get lost, though it starts them."""

    def __init__(self, lost: int, knows_keys: bool = False, forgets: bool = False) -> None:
        self.lost = lost
        self.knows_keys = knows_keys
        self.forgets = forgets
        self.started: dict[str, dict[str, Any]] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            limit, offset = int(request.query["limit"]), int(request.query["offset"])
            trials = list(self.started.values())
            return web.json_response({"trials": trials[offset : offset + limit], "total": len(trials)})
        config = await request.json()
        key = request.headers["Idempotency-Key"]
        known = self.started.get(key) if self.knows_keys else None
        if known is None and not self.forgets:
            known = {**TRIAL, "trial_id": f"trial-{len(self.started)}", "config": config, "status": "initializing"}
            self.started[key if self.knows_keys else str(len(self.started))] = known
        if self.lost > 0:
            self.lost -= 1
            return await drops(request)
        if known is None:
            self.forgets = False
            return await self(request)
        return web.json_response(known, status=202)


async def test_a_start_says_what_is_asked_for_and_no_more(service: Scripted, pool: ServicePool) -> None:
    service.answers(json_answer({"job_id": "trial-9", "status": "started"}, status=202))
    trial = await pool.evolution.start(CONFIG, key="key-1")

    asked = service.calls[0]
    assert asked.body == {"repository": "/code", "generations": 3, "parameters": {"request_key": "key-1"}}
    assert asked.headers["idempotency-key"] == "key-1"
    assert (trial.trial_id, trial.status, trial.repository) == ("trial-9", "initializing", "/code")


@pytest.mark.parametrize("knows_keys", [True, False])
async def test_a_start_whose_answer_was_lost_happens_once(
    service: Scripted, pool: ServicePool, knows_keys: bool
) -> None:
    service.health["capabilities"] = ["idempotency-key"] if knows_keys else []
    trials = Trials(lost=1, knows_keys=knows_keys)
    service.answers(trials)
    trial = await pool.evolution.start(CONFIG, key="key-1")
    assert trial.trial_id == "trial-0"
    assert len(trials.started) == 1


async def test_one_that_never_arrived_is_started_again_after_looking(service: Scripted, pool: ServicePool) -> None:
    trials = Trials(lost=1, forgets=True)
    service.answers(trials)
    await pool.evolution.start(CONFIG, key="key-1")
    assert [asked.method for asked in service.calls] == ["POST", "GET", "POST"]
    assert len(trials.started) == 1


async def test_one_that_may_still_be_at_work_is_not_started_again(service: Scripted) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await (json_answer([])(request) if request.method == "GET" else hangs(request))

    service.answers(answer)
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, timeout=0.2)], retry=QUICK) as pool:
        with pytest.raises(ServiceTimeout) as raised:
            await pool.evolution.start(CONFIG, key="key-1")
    assert raised.value.may_have_arrived
    assert [asked.method for asked in service.calls] == ["POST", "GET"]


async def test_a_start_at_nobodys_surely_did_not_arrive() -> None:
    async with ServicePool([ServiceEndpoint("evolution", "evolution", await nobody())], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.evolution.start(CONFIG)
    assert not raised.value.may_have_arrived


async def test_cancelled_while_starting_the_trial_is_found_by_its_key(service: Scripted, pool: ServicePool) -> None:
    trials = Trials(lost=0)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        answer = await trials(request)
        if request.method == "POST":
            arrived.set()
            await go_on.wait()
        return answer

    service.answers(slow)
    start = asyncio.create_task(pool.evolution.start(CONFIG, key="key-1"))
    await arrived.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    go_on.set()
    found = await pool.evolution.find_trial("/code", "key-1")
    assert found is not None and found.trial_id == "trial-0"
    assert await pool.evolution.find_trial("/code", "another") is None


async def test_every_trial_is_paged_on_the_total(service: Scripted, pool: ServicePool, monkeypatch) -> None:
    monkeypatch.setattr("dean_airflow.services.clients.evolution.PAGE", 2)
    pages = [
        json_answer({"trials": [{**TRIAL, "trial_id": f"t{n}"} for n in page], "total": 5})
        for page in ((0, 1), (2, 3), (4,))
    ]
    service.answers(*pages)
    assert [trial.trial_id async for trial in pool.evolution.every_trial(repository="/code")] == [
        "t0", "t1", "t2", "t3", "t4",
    ]  # fmt: skip
    assert [asked.query["offset"] for asked in service.calls] == ["0", "2", "4"]


async def test_what_an_ended_trial_refuses(service: Scripted, pool: ServicePool) -> None:
    service.answers(refused(400, "Trial is completed"), refused(404, "Trial not found"))
    with pytest.raises(RejectedRequest, match="Trial is completed"):
        await pool.evolution.cancel("trial-1")
    with pytest.raises(NotFound, match="Trial not found"):
        await pool.evolution.cancel("trial-2")


async def test_waiting_for_a_trial_ends_with_it_or_in_time(service: Scripted, pool: ServicePool) -> None:
    service.answers(json_answer(TRIAL), json_answer({**TRIAL, "status": "completed"}))
    assert (await pool.evolution.wait("trial-1", seconds=5, poll=0.001)).ended
    service.answers(json_answer(TRIAL))
    with pytest.raises(ServiceTimeout, match="still running"):
        await pool.evolution.wait("trial-1", seconds=0.01, poll=0.001)


async def indexagent(service: Scripted) -> ServicePool:
    return ServicePool([ServiceEndpoint("indexagent", "indexagent", service.url, timeout=5)], retry=QUICK)


async def test_agents_come_and_go(service: Scripted) -> None:
    async with await indexagent(service) as pool:
        service.answers(json_answer(AGENT, status=201))
        agent = await pool.indexagent.create_agent(CreateAgent(name="a"))
        assert (agent.fitness_score, agent.config.language) == (None, "python")
        await pool.indexagent.change_agent("agent-1", ChangeAgent(fitness_score=0.5))
        assert service.calls[-1].body == {"fitness_score": 0.5}

        async def gone(request: web.Request) -> web.StreamResponse:
            return web.Response(status=204)

        service.answers(gone)
        assert (await pool.indexagent.delete_agent("agent-1")).agent_id == "agent-1"


async def test_a_delete_whose_answer_was_lost_is_no_error(service: Scripted) -> None:
    async with await indexagent(service) as pool:
        service.answers(drops, refused(404))
        assert (await pool.indexagent.delete_agent("agent-1")).status == "deleted"
        service.answers(refused(404))
        with pytest.raises(NotFound):
            await pool.indexagent.delete_agent("agent-1")


async def test_bare_arrays_are_lists(service: Scripted) -> None:
    async with await indexagent(service) as pool:
        service.answers(json_answer([AGENT, AGENT]))
        assert (await pool.indexagent.agents(status="active")).total == 2
        assert service.calls[0].query == {"status": "active", "limit": "100", "offset": "0"}


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


async def test_health_of_all_is_asked_for_at_once(service: Scripted) -> None:
    """Each service waits for the other to be asked: one after the other they would never answer."""
    both = asyncio.Barrier(2)

    async def answer(request: web.Request) -> web.StreamResponse:
        await both.wait()
        return web.json_response(HEALTH)

    async with Scripted() as other:
        for one in (service, other):
            one.answers(answer)
        endpoints = [
            ServiceEndpoint("a", "http", service.url + "/x"),
            ServiceEndpoint("b", "http", other.url + "/x"),
            ServiceEndpoint("dead", "evolution", await nobody(), required=False),
        ]
        async with ServicePool(endpoints) as pool, asyncio.timeout(5):
            health = await pool.check_all_services()
    dead = health.services["dead"]
    assert (health.status, dead.status) == ("healthy", "unhealthy")
    assert "cannot be reached" in (dead.error or "")


GOOD, BAD, ABSENT = {"status": "healthy"}, {"status": "unhealthy"}, {"status": None}


@pytest.mark.parametrize(
    ("health", "status"),
    [
        ({"metadatabase": GOOD, "scheduler": GOOD, "triggerer": ABSENT}, "healthy"),
        ({"metadatabase": GOOD, "scheduler": BAD, "triggerer": GOOD}, "unhealthy"),
        ({}, "degraded"),
    ],
)
async def test_airflows_health_is_in_its_body(service: Scripted, health: dict[str, Any], status: str) -> None:
    service.answers(json_answer(health))
    async with airflow(service) as pool:
        found = (await pool.check_all_services()).services["airflow"]
    assert found.status == status
    assert "authorization" not in service.calls[0].headers


async def test_a_required_one_that_is_down_is_unhealthy(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dean_airflow.services.health.SECONDS", 0.1)
    service.health["status"] = "struggling"
    endpoints = [ServiceEndpoint("evolution", "evolution", service.url)]
    async with ServicePool(endpoints) as pool:
        health = await pool.check_all_services()
        assert (health.status, health.services["evolution"].text) == ("degraded", "struggling")
        pool.add(ServiceEndpoint("hung", "http", service.url + "/hung"))
        service.answers(hangs)
        health = await pool.check_all_services()
    assert (health.status, health.services["hung"].error) == ("unhealthy", "Health check timeout")


async def test_what_an_unhealthy_one_complains_of(service: Scripted) -> None:
    service.health |= {"status": "unhealthy", "checks": {"store": {"status": "unhealthy", "error": "it is full"}}}
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url)]) as pool:
        assert (await pool.evolution.health()).error == "store: it is full"


async def test_a_service_that_is_not_configured_is_said_to_be_missing() -> None:
    async with ServicePool() as pool:
        for ask in (lambda: pool.evolution, lambda: pool.indexagent, lambda: pool.airflow, lambda: pool.http("x")):
            with pytest.raises(ServiceNotConfigured):
                ask()
        assert (await pool.check_all_services()).status == "healthy"
    assert issubclass(ServiceNotConfigured, DeanError)


async def test_listing_everything_at_once_works(service: Scripted) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        kinds = {"/agents": "agents", "/patterns": "patterns", "/evolution/trials": "trials", "/api/v2/dags": "dags"}
        return web.Response(text=json.dumps({kinds[request.path]: [], "total": 0, "total_entries": 0}),
            content_type="application/json")  # fmt: skip

    service.answers(answer)
    endpoints = [
        ServiceEndpoint("e", "evolution", service.url),
        ServiceEndpoint("i", "indexagent", service.url),
        ServiceEndpoint("a", "airflow", service.url, BearerToken("t")),
    ]
    async with ServicePool(endpoints, retry=RetryPolicy(attempts=1)) as pool:
        await asyncio.gather(
            *(pool.indexagent.agents() for _ in range(10)),
            *(pool.airflow.dags() for _ in range(10)),
            *(pool.evolution.patterns() for _ in range(10)),
            *(pool.check_all_services() for _ in range(3)),
        )
