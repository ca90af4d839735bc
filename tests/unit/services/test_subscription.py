"""The WebSocket as an iterator: each frame once and in order, pings, renewal, and what becomes of a lost one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from dean_airflow.services.contract.websocket import TrialFrame
from dean_airflow.services.credentials import ServiceToken
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import AuthenticationError, CircuitOpen, ContractViolation, ServiceUnavailable
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.tokens import SigningKeys, generate_key

from .scripted import Scripted, nobody, refused

pytestmark = pytest.mark.anyio

KEYS = SigningKeys((generate_key(),))
NOW = "2030-01-01T00:00:00Z"
HELLO = {"type": "connection", "message": "hello", "timestamp": NOW, "authenticated": True, "user": "dean"}

Story = Callable[[web.WebSocketResponse], Awaitable[None]]


def frame(message: str, trial: str = "trial-1", **data: Any) -> dict[str, Any]:
    return {"type": "trial_update", "trial_id": trial, "message": message, "timestamp": NOW, "data": data}


def progress(generation: int, trial: str = "trial-1") -> dict[str, Any]:
    return frame("generation", trial, generation=generation, fitness=0.1 * generation, improvement=0.1)


def found(pattern: str) -> dict[str, Any]:
    return frame("pattern", pattern={"id": pattern, "type": "optimization", "confidence": 0.9})


def tells(*frames: Any, then: Story | None = None, hello: Any = HELLO) -> Callable[[web.Request], Awaitable[Any]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if hello is not None:
            await socket.send_json(hello)
        for one in frames:
            await (socket.send_str(one) if isinstance(one, str) else socket.send_json(one))
        if then is not None:
            await then(socket)
        return socket

    return answer


async def heard(service: Scripted, trial_id: str | None = "trial-1", **options: Any) -> list[TrialFrame]:
    credential = ServiceToken(KEYS, audience="evolution")
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, credential)]) as pool:
        async with asyncio.timeout(10):
            return [one async for one in pool.evolution.updates(trial_id, **options)]


def told(frames: list[TrialFrame]) -> list[Any]:
    return [
        one.progress.generation if one.progress else one.pattern.id if one.pattern else one.message for one in frames
    ]


async def test_a_trials_story_from_its_start_to_its_end(service: Scripted) -> None:
    service.answers(
        tells(frame("Trial started"), found("p1"), progress(1), progress(2), frame("Trial completed"), progress(3))
    )
    assert told(await heard(service)) == ["Trial started", "p1", 1, 2, "Trial completed"]
    headers = service.calls[0].headers
    assert headers["authorization"].startswith("Bearer ") and headers["x-request-id"]


async def test_frames_twice_late_or_of_another_trial_are_left_out(service: Scripted) -> None:
    service.answers(
        tells(
            frame("Trial started"), frame("Trial started"), progress(1), progress(3), progress(2), progress(3),
            progress(9, "trial-2"), found("p"), found("p"), {"type": "weather"}, "pong",
            {**frame("over"), "event": "failed"},
        )
    )  # fmt: skip
    assert told(await heard(service)) == ["Trial started", 1, 3, "p", "over"]


async def test_all_trials_go_on_until_the_socket_is_lost(service: Scripted) -> None:
    service.answers(tells(frame("Trial completed"), frame("Trial started", "trial-2")))
    credential = ServiceToken(KEYS, audience="evolution")
    heard_so_far = []
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, credential)]) as pool:
        with pytest.raises(ServiceUnavailable, match="lost"):
            async for one in pool.evolution.updates():
                heard_so_far += [one.trial_id]
    assert heard_so_far == ["trial-1", "trial-2"]


async def test_pings_go_out_and_pongs_are_not_news(service: Scripted) -> None:
    pings = 0

    async def play(socket: web.WebSocketResponse) -> None:
        nonlocal pings
        async for message in socket:
            assert (message.type, message.data) == (WSMsgType.TEXT, "ping")
            pings += 1
            await socket.send_str("pong")
            if pings == 4:
                await socket.send_json(frame("Trial completed"))

    service.answers(tells(then=play))
    assert told(await heard(service, ping_seconds=0.01)) == ["Trial completed"]
    assert pings == 4


async def test_one_that_falls_silent_is_lost(service: Scripted) -> None:
    async def silent(socket: web.WebSocketResponse) -> None:
        await asyncio.Event().wait()

    service.answers(tells(then=silent))
    with pytest.raises(ServiceUnavailable, match="lost"):
        await heard(service, ping_seconds=0.01)


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "[" * 50_000,
        {"type": "trial_update"},
        frame("x", generation="three", fitness=0.1, improvement=0),
        frame("x", pattern={"id": "p"}),
    ],
)
async def test_a_frame_that_breaks_the_contract_is_said_to(service: Scripted, bad: Any) -> None:
    service.answers(tells(bad))
    with pytest.raises(ContractViolation):
        await heard(service)


@pytest.mark.parametrize("hello", [{"type": "trial_update"}, {**HELLO, "authenticated": "perhaps"}])
async def test_a_first_frame_that_is_none_is_said_to_be(service: Scripted, hello: Any) -> None:
    service.answers(tells(hello=hello))
    with pytest.raises(ContractViolation):
        await heard(service)


async def test_a_token_that_expires_meanwhile_is_renewed_and_nothing_told_twice(service: Scripted) -> None:
    async def expire(socket: web.WebSocketResponse) -> None:
        await socket.close(code=4401)

    service.answers(
        tells(frame("Trial started"), progress(1), then=expire),
        tells(frame("Trial started"), progress(1), progress(2), frame("Trial completed")),
    )
    assert told(await heard(service)) == ["Trial started", 1, 2, "Trial completed"]
    first, second = service.calls
    assert first.headers["authorization"] != second.headers["authorization"]


@pytest.mark.parametrize("refusal", [refused(401), refused(403), tells(hello={**HELLO, "authenticated": False})])
async def test_a_credential_refused_twice_is_the_end(service: Scripted, refusal: Any) -> None:
    service.answers(refusal)
    with pytest.raises(AuthenticationError):
        await heard(service)
    assert len(service.calls) == 2


async def test_a_service_without_the_socket_can_be_polled(service: Scripted) -> None:
    service.answers(refused(404))
    with pytest.raises(ContractViolation, match="404"):
        await heard(service)


async def test_it_passes_the_circuit_breaker() -> None:
    endpoint = ServiceEndpoint("evolution", "evolution", await nobody(), breaker=BreakerLimits(failures=1))
    async with ServicePool([endpoint]) as pool:
        for kind in (ServiceUnavailable, CircuitOpen):
            with pytest.raises(kind):
                async for _ in pool.evolution.updates("trial-1"):
                    pass
