"""Every kind of fault, seen by a client that is not DEAN's: on requests, and on frames of a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from dean_airflow.services.tokens import mint
from dean_airflow.testing.evolution_stub import EvolutionStub
from dean_airflow.testing.faults import Faults
from dean_airflow.testing.scenario import standard

pytestmark = pytest.mark.anyio
TRIALS = "/evolution/trials"
START = "/evolution/start"


@pytest.fixture
async def stub() -> AsyncIterator[EvolutionStub]:
    evolution = EvolutionStub(scenario=standard(2, pace=None))
    await evolution.start()
    yield evolution
    await evolution.stop()


@pytest.fixture
async def http(stub: EvolutionStub) -> AsyncIterator[aiohttp.ClientSession]:
    token = mint(stub.keys, subject="test", username="test", roles=["user"], audience="evolution")
    async with aiohttp.ClientSession(stub.url, headers={"Authorization": f"Bearer {token}"}) as session:
        yield session


async def get(http: aiohttp.ClientSession, path: str = TRIALS) -> tuple[int, str]:
    async with http.get(path) as answer:
        return answer.status, await answer.text()


async def start(http: aiohttp.ClientSession, repository: str = "shop") -> int:
    async with http.post(START, json={"repository": repository}) as answer:
        return answer.status


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_status_for_as_many_requests_as_asked_for(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("status", path=TRIALS, status=503, count=2, after=1, headers={"Retry-After": "7"})
    answers = []
    for _ in range(4):
        async with http.get(TRIALS) as answer:
            answers.append((answer.status, answer.headers.get("Retry-After")))
    async with http.get("/evolution/metrics") as other:
        assert other.status == 200

    assert answers == [(200, None), (503, "7"), (503, "7"), (200, None)]
    assert stub.faults.active() == []
    assert len(stub.requests.of("GET", TRIALS)) == 4


async def test_it_concerns_the_prefixed_route_too_and_only_its_method(
    stub: EvolutionStub, http: aiohttp.ClientSession
) -> None:
    stub.faults.add("status", method="GET", path="/evolution/*", status=500, count=None)

    assert (await get(http, f"/api/v1{TRIALS}"))[0] == 500
    assert await start(http) == 202
    stub.faults.clear()
    assert (await get(http))[0] == 200


async def test_an_answer_that_comes_late(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("latency", path=TRIALS, seconds=0.2)
    begun = asyncio.get_running_loop().time()

    assert (await get(http))[0] == 200
    assert asyncio.get_running_loop().time() - begun >= 0.2


async def test_dropped_before_and_after_the_work(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("drop", method="POST", path=START)
    with pytest.raises(aiohttp.ClientError):
        await start(http)
    assert len(stub.trials) == 0

    stub.faults.add("lose_answer", method="POST", path=START)
    with pytest.raises(aiohttp.ClientError):
        await start(http)
    assert len(stub.trials) == 1


async def test_half_an_answer(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("truncate", path=TRIALS)

    with pytest.raises(aiohttp.ClientPayloadError):
        await get(http)
    assert (await get(http))[0] == 200


async def test_an_answer_byte_by_byte(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("slow_loris", path=TRIALS, seconds=0.05)
    with pytest.raises(TimeoutError):
        async with http.get(TRIALS, timeout=aiohttp.ClientTimeout(total=0.3, sock_read=0.2)) as answer:
            await answer.text()
    stub.faults.add("slow_loris", path=TRIALS, seconds=0)
    assert json.loads((await get(http))[1])["total"] == 0


async def test_answers_that_are_none(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    whole = (await get(http))[1]

    stub.faults.add("malformed", path=TRIALS)
    with pytest.raises(json.JSONDecodeError):
        json.loads((await get(http))[1])
    stub.faults.add("wrong_types", path=TRIALS)
    assert json.loads((await get(http))[1])["total"] == "not 0"
    stub.faults.add("unknown_fields", path=TRIALS)
    assert json.loads((await get(http))[1]) == {**json.loads(whole), "field_of_tomorrow": {"is": 1}}


async def test_a_request_that_arrives_twice(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("duplicate", method="POST", path=START)

    assert await start(http) == 202
    assert len(stub.trials) == 2
    assert len(stub.requests.of("POST", START)) == 1


async def test_requests_in_the_wrong_order(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("out_of_order", method="POST", path=START, seconds=5)
    first = asyncio.create_task(start(http, "first"))
    await until(lambda: bool(stub.requests.of("POST", START)))
    await start(http, "second")
    await first

    assert [trial.config.repository for trial in stub.trials.values()] == ["second", "first"]


async def frames(stub: EvolutionStub, http: aiohttp.ClientSession, *, patterns: bool = False) -> list[Any]:
    """The events of one trial's frames, `broken` for what is no JSON, until the trial's or the connection's end."""
    seen: list[Any] = []
    async with http.ws_connect("/ws") as socket:
        await socket.receive()
        await start(http)
        stub.advance(steps=10)
        async for message in socket:
            try:
                frame = json.loads(message.data)
                seen.append(frame.get("event") if isinstance(frame, dict) else frame)
            except json.JSONDecodeError:
                seen.append("broken")
            if "completed" in seen and seen[-1] != "pattern":
                break
    return [one for one in seen if patterns or one != "pattern"]


WHOLE = ["started", "progress", "progress", "completed"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("duplicate", ["started", "started", "progress", "progress", "completed"]),
        ("lose_answer", ["progress", "progress", "completed"]),
        ("malformed", ["broken", "progress", "progress", "completed"]),
        ("truncate", ["broken", "progress", "progress", "completed"]),
        ("latency", WHOLE),
        ("unknown_fields", WHOLE),
        ("wrong_types", [7, "progress", "progress", "completed"]),
        ("drop", []),
    ],
)
async def test_frames(stub: EvolutionStub, http: aiohttp.ClientSession, kind: Any, expected: list[Any]) -> None:
    assert await frames(stub, http) == WHOLE
    stub.faults.add(kind, method="WS", path="/ws", after=1, seconds=0.05)

    assert await frames(stub, http) == expected


async def test_frames_in_the_wrong_order(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("out_of_order", method="WS", after=1)

    events = await frames(stub, http, patterns=True)
    assert events.index("started") == 1


async def test_a_handshake_that_is_refused(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    stub.faults.add("status", method="WS", path="/ws", status=503)

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect("/ws")
    assert refused.value.status == 503
    async with http.ws_connect("/ws") as socket:
        assert json.loads((await socket.receive()).data)["type"] == "connection"


def test_faults_are_counted_each_for_itself() -> None:
    faults = Faults()
    faults.add("latency", path="/a*", count=None)
    faults.add("status", method="POST", path="/ab")

    def kinds(method: str, path: str) -> list[str]:
        return [fault.kind for fault in faults.take(method, path)]

    assert kinds("GET", "/ab") == ["latency"]
    assert kinds("POST", "/ab") == ["latency", "status"]
    assert kinds("POST", "/ab") == ["latency"]
    assert kinds("POST", "/b") == []
    assert kinds("WS", "/ab") == []
    with pytest.raises(ValueError, match="kind"):
        faults.add("explode")  # type: ignore[arg-type]


async def test_the_admin_api_does_the_same_from_outside(stub: EvolutionStub, http: aiohttp.ClientSession) -> None:
    async with http.post("/_stub/faults", json={"kind": "status", "path": TRIALS, "status": 429}) as answer:
        assert answer.status == 201
    assert (await get(http))[0] == 429
    async with http.post("/_stub/faults", json={"kind": "explode"}) as answer:
        assert answer.status == 422
    async with http.post(
        "/_stub/scenarios", json=[{"steps": ["start", "fail"], "pace": None, "error": "no"}]
    ) as answer:
        assert await answer.json() == {"queued": 1}
    await start(http)
    trial_id = next(iter(stub.trials))
    async with http.post("/_stub/advance", json={"id": trial_id, "steps": 5}) as answer:
        assert await answer.json() == {"steps": 2}
    assert (stub.trials[trial_id].status, stub.trials[trial_id].error) == ("failed", "no")
    async with http.post("/_stub/advance", json={"id": "trial-0"}) as answer:
        assert answer.status == 404
    async with http.get("/_stub/requests") as answer:
        recorded = await answer.json()
    assert [(one["method"], one["path"]) for one in recorded] == [("GET", TRIALS), ("POST", START)]
    assert json.loads(recorded[1]["body"]) == {"repository": "shop"}
    async with http.put("/_stub/scenario", json={"steps": ["start"], "pace": None}) as answer:
        assert answer.status == 200
    async with http.post("/_stub/reset") as answer:
        assert answer.status == 200
    assert (len(stub.trials), len(stub.requests)) == (0, 0)
    async with http.get("/_stub/scenario") as answer:
        assert (await answer.json())["steps"] == ["start", "generation", "generation", "complete"]
