"""What the typed clients add to a call: the contract's words, paging, starts and triggers that happen once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from dean_airflow.services.contract.agents import ChangeAgent, CreateAgent
from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import (
    NotFound,
    RejectedRequest,
    ServiceTimeout,
    ServiceUnavailable,
)
from dean_airflow.services.pool import ServicePool

from .conftest import QUICK
from .scripted import TRIAL, Scripted, drops, hangs, json_answer, nobody, refused

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
