"""Each fault of docs/explanation/services-faults.md, caused in a remote trial, with the outcome that page states."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dean_airflow.errors import DeanError
from dean_airflow.services.credentials import ServiceToken
from dean_airflow.services.errors import AuthenticationError
from dean_airflow.services.remote.steps import ServicesUnhealthy
from dean_airflow.services.remote.trial import RemoteTrialEnded, TrialTimeout
from dean_airflow.services.remote.watch import OutOfSight
from dean_airflow.services.tokens import SigningKey, SigningKeys, generate_key
from dean_airflow.testing.proxy import FaultProxy
from dean_airflow.testing.scenario import failing, hanging, standard
from dean_airflow.testing.services import StubServices
from tests.resilience.services.remote import TRIAL, Trials, until

pytestmark = pytest.mark.anyio

LOOKS = "/evolution/*/status"


async def test_unreachable_from_the_beginning_nothing_is_done(trials: Trials, stub_services: StubServices) -> None:
    await asyncio.to_thread(stub_services.kill, stub_services.evolution)
    with pytest.raises(ServicesUnhealthy, match="evolution"):
        await trials.run()

    assert {request.method for request in stub_services.indexagent.requests} == {"GET"}
    assert trials.store.trials.get(TRIAL).status == "failed"
    await asyncio.to_thread(stub_services.revive, stub_services.evolution)


async def test_a_server_that_is_restarted_in_the_middle_is_found_again(
    trials: Trials, stub_services: StubServices
) -> None:
    stub_services.evolution.script(standard(4, pace=0.1))
    running = asyncio.create_task(trials.run())
    await until(lambda: trials.told)
    await asyncio.to_thread(stub_services.kill, stub_services.evolution)
    await until(lambda: any("failed" in line for line in trials.said))
    await asyncio.to_thread(stub_services.revive, stub_services.evolution)

    assert (await running)["status"] == "completed"
    assert trials.told == [1, 2, 3, 4]
    assert trials.started == ["completed"]


@pytest.mark.slow
async def test_a_slow_service_is_waited_for_and_a_slower_one_until_the_deadline(
    trials: Trials, stub_services: StubServices
) -> None:
    stub_services.evolution.faults.add("latency", seconds=0.3, count=4)
    assert (await trials.run())["status"] == "completed"

    stub_services.reset()
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("slow_loris", path=LOOKS, seconds=0.5, count=None)
    with pytest.raises(TrialTimeout):
        await trials.run("trial-slow-loris-00", timeout_seconds=1.5)
    assert trials.started == ["cancelled"]


async def test_a_partition_in_the_middle_heals(
    trials: Trials, stub_services: StubServices, fault_proxy: Callable[..., FaultProxy]
) -> None:
    proxy = fault_proxy(stub_services.evolution.url)
    trials.at["evolution"] = proxy.url
    trials.changes["evolution"] = {"timeout": 0.3}
    stub_services.evolution.script(standard(4, pace=0.1))
    running = asyncio.create_task(trials.run())
    await until(lambda: trials.told)
    proxy.black_hole()
    await until(lambda: any("no whole answer within" in line for line in trials.said))
    await until(lambda: trials.store.circuits.get("evolution").state != "closed")
    proxy.heal()

    assert (await running)["status"] == "completed"
    assert trials.told == [1, 2, 3, 4]
    assert trials.started == ["completed"]


async def test_a_partition_while_the_trial_is_started_starts_it_once(
    trials: Trials, stub_services: StubServices, fault_proxy: Callable[..., FaultProxy]
) -> None:
    proxy = fault_proxy(stub_services.evolution.url)
    trials.at["evolution"] = proxy.url
    trials.changes["evolution"] = {"timeout": 0.5}
    stub_services.evolution.script(hanging(1), hanging(1))
    stub_services.evolution.faults.add("latency", path="/evolution/start", seconds=0.4, count=1)

    async def cut_off() -> None:
        await until(lambda: stub_services.evolution.requests.of("POST", "/evolution/start"))
        proxy.black_hole("down")  # what is asked arrives, no answer does

    cutting = asyncio.create_task(cut_off())
    with pytest.raises(DeanError):
        await trials.run()
    await cutting
    assert trials.store.trials.get(TRIAL).status == "failed"
    assert trials.store.sagas.latest(TRIAL).state == "compensating"

    proxy.heal()
    async with trials.pool() as pool:
        assert await until_taken_back(trials, pool) == []
    assert trials.started == ["cancelled"]
    assert trials.taken_back


async def until_taken_back(trials: Trials, pool: Any) -> list[str]:
    async with asyncio.timeout(30):
        while left := await trials.trial(pool).take_back():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return left


@pytest.mark.slow
async def test_a_storm_of_500_passes(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.faults.add("status", path=LOOKS, after=1, count=40, status=500)
    assert (await trials.run())["status"] == "completed"
    assert trials.told == [1, 2, 3]


async def test_a_storm_of_500_that_does_not_pass_ends_the_trial_which_is_taken_back_later(
    trials: Trials, stub_services: StubServices
) -> None:
    stub_services.evolution.script(hanging(1))
    for path in (LOOKS, "/evolution/*/cancel"):
        stub_services.evolution.faults.add("status", path=path, after=0, count=None, status=500)
    with pytest.raises(OutOfSight):
        await trials.run(status_errors=5)

    ended = trials.store.trials.get(TRIAL)
    assert ended.status == "failed"
    assert [left.partition(":")[0] for left in ended.result["not_taken_back"]] == ["evolution"]
    assert stub_services.indexagent.agents == {}
    assert trials.started == ["running"]
    stub_services.evolution.faults.clear()
    async with trials.pool() as pool:
        assert await until_taken_back(trials, pool) == []
    assert trials.taken_back


@pytest.mark.parametrize(
    "kind",
    [
        "truncate",
        pytest.param("malformed", marks=pytest.mark.slow),
        pytest.param("wrong_types", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("path", [LOOKS, "/evolution/results", "/patterns", "/evolution/start"])
async def test_nonsense_in_place_of_an_answer_is_asked_for_again(
    trials: Trials, stub_services: StubServices, kind: Any, path: str
) -> None:
    stub_services.evolution.faults.add(kind, path=path, count=1)
    assert (await trials.run())["status"] == "completed"
    assert trials.started == ["completed"]


async def test_nonsense_for_good_ends_the_trial(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("wrong_types", path=LOOKS, count=None)
    with pytest.raises(OutOfSight, match="not what the contract says"):
        await trials.run(status_errors=3)
    assert trials.started == ["cancelled"]
    assert trials.taken_back


async def test_fields_nobody_knows_are_tolerated(trials: Trials, stub_services: StubServices) -> None:
    # Not in /patterns, where the fault would put a field into a map of counts, which has no fields.
    stub_services.evolution.faults.add("unknown_fields", path="/evolution/*", count=None)
    stub_services.evolution.faults.add("unknown_fields", path="/health", count=None)
    stub_services.airflow.faults.add("unknown_fields", count=None)
    stub_services.indexagent.faults.add("unknown_fields", method="GET", count=None)
    assert (await trials.run())["status"] == "completed"


@pytest.mark.parametrize(("prefix", "works"), [("/api/v1", True), ("/api/v9", False)])
async def test_a_service_below_another_prefix(
    trials: Trials, stub_services: StubServices, prefix: str, works: bool
) -> None:
    trials.changes["evolution"] = {"prefix": prefix}
    if works:
        assert (await trials.run())["status"] == "completed"
        return
    with pytest.raises(ServicesUnhealthy, match="not healthy: evolution"):
        await trials.run()
    assert trials.started == []


async def test_a_token_that_expires_in_the_middle_is_renewed(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(standard(4, pace=0.1))
    stub_services.evolution.faults.add("status", path=LOOKS, after=1, count=1, status=401)
    assert (await trials.run())["status"] == "completed"
    used = [
        request.headers["authorization"] for request in stub_services.evolution.requests.of("GET", "/evolution/results")
    ]
    first = stub_services.evolution.requests.of("POST", "/evolution/start")[0].headers["authorization"]
    assert first not in used


async def test_a_token_that_cannot_be_renewed_ends_the_trial(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("status", path="/evolution/*/*", count=None, status=401)
    with pytest.raises(AuthenticationError):
        await trials.run()

    left = trials.store.trials.get(TRIAL).result["not_taken_back"]
    assert [one.partition(":")[0] for one in left] == ["evolution"]
    assert stub_services.indexagent.agents == {}


@pytest.mark.parametrize("ours_too", [True, False])
async def test_a_token_signed_by_a_key_retired_in_the_middle(
    trials: Trials, stub_services: StubServices, ours_too: bool
) -> None:
    old = stub_services.keys.newest
    known = SigningKeys((old,))
    stub_services.evolution.script(standard(4, pace=0.1) if ours_too else hanging(1))
    trials.changes["evolution"] = {"credential": ServiceToken(lambda: known, "evolution")}
    running = asyncio.create_task(trials.run())
    await until(lambda: trials.told)
    retired = SigningKey(old.kid, old.secret, datetime.now(UTC) - timedelta(hours=25))
    rotated = SigningKeys((generate_key(), retired))
    if ours_too:
        known = rotated
    before, stub_services.evolution.keys = stub_services.evolution.keys, rotated
    try:
        if ours_too:
            assert (await running)["status"] == "completed"
            assert trials.told == [1, 2, 3, 4]
        else:
            with pytest.raises(AuthenticationError):
                await running
            assert trials.store.trials.get(TRIAL).status == "failed"
    finally:
        stub_services.evolution.keys = before


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("indexagent", "POST", "/evolution/population"),
        ("evolution", "POST", "/evolution/start"),
        ("airflow", "POST", "/api/v2/dags/*/dagRuns"),
        ("evolution", "GET", LOOKS),
        ("evolution", "GET", "/evolution/results"),
    ],
)
@pytest.mark.parametrize(
    "kind",
    ["lose_answer", pytest.param("drop", marks=pytest.mark.slow), pytest.param("duplicate", marks=pytest.mark.slow)],
)
async def test_an_answer_lost_after_the_deed_leaves_one_deed(
    trials: Trials, stub_services: StubServices, service: str, method: str, path: str, kind: Any
) -> None:
    getattr(stub_services, service).faults.add(kind, method=method, path=path, count=1)
    assert (await trials.run())["status"] == "completed"
    assert trials.started == ["completed"]
    # IndexAgent need not know keys, so a repetition by the network makes a second population there.
    repeated = (kind, service) == ("duplicate", "indexagent")
    assert len(stub_services.indexagent.populations) == (2 if repeated else 1)
    assert len(trials.dag_runs) == 1


async def test_what_the_network_made_twice_is_taken_back_whole(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(failing(1))
    stub_services.indexagent.faults.add("duplicate", method="POST", path="/evolution/population", count=1)
    with pytest.raises(RemoteTrialEnded, match="out of memory"):
        await trials.run()
    assert len(stub_services.indexagent.populations) == 2
    assert trials.taken_back


async def test_an_answer_lost_while_cancelling_leaves_nothing(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(hanging(1))
    stub_services.evolution.faults.add("lose_answer", method="POST", path="/evolution/*/cancel", count=1)
    stub_services.indexagent.faults.add("lose_answer", method="DELETE", count=2)
    with pytest.raises(TrialTimeout):
        await trials.run(timeout_seconds=1)
    assert trials.taken_back
    assert trials.started == ["cancelled"]


@pytest.mark.parametrize("path", ["/evolution/start", "/evolution/population", "/api/v2/dags/*/dagRuns"])
async def test_cancelled_while_starting_nothing_is_left(trials: Trials, stub_services: StubServices, path: str) -> None:
    stub_services.evolution.script(hanging(1))
    for stub in stub_services.all:
        stub.faults.add("latency", method="POST", path=path, seconds=60, count=1)
    running = asyncio.create_task(trials.run())
    held = path.replace("*", "dean_evolution_trial")
    await until(lambda: any(stub.requests.of("POST", held) for stub in stub_services.all))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert trials.store.trials.get(TRIAL).status == "cancelled"
    assert trials.taken_back


async def test_frames_that_come_twice_or_out_of_order_do_no_harm(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(standard(6, pace=0.05))
    for kind in ("duplicate", "out_of_order", "malformed", "drop"):
        stub_services.evolution.faults.add(kind, method="WS", count=2)
    assert (await trials.run())["status"] == "completed"
    assert trials.told == [1, 2, 3, 4, 5, 6]


async def test_indexagent_vanishes_and_comes_back(trials: Trials, stub_services: StubServices) -> None:
    stub_services.evolution.script(standard(4, pace=None))
    running = asyncio.create_task(trials.run())
    await until(lambda: stub_services.evolution.trials)
    await asyncio.to_thread(stub_services.evolution.advance, None, 3)
    await until(lambda: trials.told == [1, 2])

    await asyncio.to_thread(stub_services.kill, stub_services.indexagent)
    await until(lambda: trials.store.documents.get(TRIAL, "remote").get("paused"))
    await until(lambda: trials.store.circuits.get("indexagent").state == "open")
    assert trials.store.trials.get(TRIAL).status == "running"
    await asyncio.to_thread(stub_services.revive, stub_services.indexagent)
    await until(lambda: not trials.store.documents.get(TRIAL, "remote").get("paused"))

    await asyncio.to_thread(stub_services.evolution.advance, None, 3)
    assert (await running)["status"] == "completed"
    assert trials.told == [1, 2, 3, 4]
    kinds = [event.kind for event in trials.store.events.since(TRIAL)]
    assert kinds.count("trial_paused") == kinds.count("trial_resumed") == 1
