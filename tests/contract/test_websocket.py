"""The Evolution API's WebSocket, the same of the stub and of the real server: who is let in, and what they hear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.contract.websocket import (
    CLOSED_EXPIRED,
    PATH,
    PING,
    PONG,
    TOKEN_QUERY,
    TOKEN_SUBPROTOCOL,
    ConnectionFrame,
    TrialFrame,
)
from dean_airflow.testing import StubServices, failing, hanging, standard

from .providers import EvolutionServerProvider, EvolutionStubProvider, Provider, evolution_server

pytestmark = pytest.mark.anyio
ENDS = ("completed", "failed", "cancelled")
TRIAL = "trial-00000000f00d"


class Side:
    """A provider whose trials can be gone through: `run(trial_id, end)` lets one live from start to that end."""

    def __init__(self, provider: Provider, run: Callable[[str, str], None]) -> None:
        self.url, self.token, self.run = provider.url, provider.token, run


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvolutionServerProvider]:
    with evolution_server(tmp_path_factory.mktemp("evolution")) as provider:
        yield provider


@pytest.fixture(params=["stub", "server"])
def side(request: pytest.FixtureRequest, stub_services: StubServices) -> Side:
    if request.param == "stub":
        return Side(EvolutionStubProvider(stub_services), lambda trial_id, end: _in_stub(stub_services, trial_id, end))
    provider: EvolutionServerProvider = request.getfixturevalue("real")
    return Side(provider, lambda trial_id, end: _in_store(provider, trial_id, end))


def _in_stub(services: StubServices, trial_id: str, end: str) -> None:
    stub = services.evolution
    ends = {"completed": standard(3, pace=None), "failed": failing(3, pace=None), "cancelled": hanging(3, pace=None)}
    stub.script(ends[end])
    stub.start_trial(StartTrial(repository="shop"), trial_id=trial_id)
    stub.advance(trial_id, steps=10)
    if end == "cancelled":
        stub.cancel_trial(trial_id)


def _in_store(provider: EvolutionServerProvider, trial_id: str, end: str) -> None:
    """As the processes of a trial write it; the server hears of it from the store alone."""
    store = provider.store
    store.trials.create(trial_id, {"repository": "shop", "generations": 3, "population_size": 5})
    store.trials.transition(trial_id, "initializing")
    store.trials.transition(trial_id, "running")
    store.events.append(trial_id, "trial_started", {"islands": 2})
    for number, fitness in ((1, 0.1), (1, 0.05), (2, 0.2), (3, 0.3), (2, 0.25)):  # two islands, each at its own pace
        store.events.append(trial_id, "generation", {"number": number, "best_fitness": fitness})
    store.patterns.record("hoist_regex", "loop", tried=3, confirmed=2, effects=[-0.3], trial_id=trial_id)
    store.trials.transition(trial_id, end)
    store.events.append(trial_id, f"trial_{end}", {})


@asynccontextmanager
async def socket(
    side: Side, *, token: str | None = None, **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    query = options.pop("query", "")
    async with (
        aiohttp.ClientSession(side.url) as session,
        session.ws_connect(PATH + query, headers={**headers, **options.pop("headers", {})}, **options) as opened,
    ):
        yield opened


async def first_frame(opened: aiohttp.ClientWebSocketResponse) -> ConnectionFrame:
    message = await opened.receive(10)
    return ConnectionFrame.model_validate_json(message.data)


@pytest.mark.parametrize("way", ["header", "query", "subprotocol", "first message"])
async def test_a_token_comes_in_any_of_four_ways(side: Side, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "header": {"token": side.token},
        "query": {"query": f"?{TOKEN_QUERY}={side.token}"},
        "subprotocol": {"protocols": [TOKEN_SUBPROTOCOL, side.token]},
        "first message": {},
    }
    async with socket(side, **ways[way]) as opened:
        if way == "first message":
            await opened.send_json({"type": "authenticate", "token": side.token})
        frame = await first_frame(opened)

        assert frame.authenticated
        assert frame.user == "pact"
        assert opened.protocol == (TOKEN_SUBPROTOCOL if way == "subprotocol" else None)


@pytest.mark.parametrize(
    "bad", [{"token": "a.b.c"}, {"query": f"?{TOKEN_QUERY}=a.b.c"}, {"headers": {"X-API-Key": "x"}}]
)
async def test_who_is_not_trusted_is_refused_before_the_socket_is_open(side: Side, bad: dict[str, Any]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with socket(side, **bad):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize("message", ['{"type": "authenticate", "token": "a.b.c"}', "hello", "[]"])
async def test_a_bad_first_message_closes_it(side: Side, message: str) -> None:
    async with socket(side) as opened:
        await opened.send_str(message)
        closing = await opened.receive(10)

    assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, CLOSED_EXPIRED)


async def test_ping_gives_pong_and_what_else_is_said_goes_to_nobody(side: Side) -> None:
    async with socket(side, token=side.token) as one, socket(side, token=side.token) as other:
        await first_frame(one)
        await first_frame(other)
        await one.send_str("hello, you")
        await one.send_str(PING)
        await other.send_str(PING)

        assert (await one.receive(10)).data == PONG
        assert (await other.receive(10)).data == PONG


@pytest.mark.parametrize("end", ENDS)
async def test_frames_come_in_the_agreed_order(side: Side, end: str) -> None:
    trial_id = f"{TRIAL}{ENDS.index(end)}"
    async with socket(side, token=side.token) as opened:
        await first_frame(opened)
        await asyncio.to_thread(side.run, trial_id, end)
        frames = await _until_the_end(opened, trial_id)

    events = [frame.event for frame in frames]
    generations = [frame.progress.generation for frame in frames if frame.progress is not None]
    assert (events[0], events[-1]) == ("started", end)
    assert generations == [1, 2, 3]
    assert [event for event in events if event in ENDS] == [end]
    assert "pattern" in events
    fitness = [frame.progress.fitness for frame in frames if frame.progress is not None]
    assert fitness == sorted(fitness)
    assert all(0 <= frame.pattern.confidence <= 1 for frame in frames if frame.pattern is not None)
    assert all(frame.data == {} for frame in frames if frame.event in ("started", *ENDS))
    moments = [frame.timestamp for frame in frames]
    assert moments == sorted(moments)


async def test_all_who_listen_hear_the_same(side: Side) -> None:
    trial_id = f"{TRIAL}9"
    async with socket(side, token=side.token) as one, socket(side, token=side.token) as other:
        await first_frame(one)
        await first_frame(other)
        await asyncio.to_thread(side.run, trial_id, "completed")

        assert await _until_the_end(one, trial_id) == await _until_the_end(other, trial_id)


async def _until_the_end(opened: aiohttp.ClientWebSocketResponse, trial_id: str) -> list[TrialFrame]:
    frames: list[TrialFrame] = []
    while not frames or frames[-1].event not in ENDS:
        frame = TrialFrame.model_validate(json.loads((await opened.receive(20)).data))
        if frame.trial_id == trial_id:
            frames.append(frame)
    return frames
