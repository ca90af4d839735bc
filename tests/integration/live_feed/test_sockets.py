"""Who is admitted to the sockets of a real web server, what they hear there, and what ends them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import jwt
import pytest

from dean_airflow.store.store import Store

from .servers import ProducerProcess, Server, open_trial, store_url

pytestmark = [pytest.mark.airflow, pytest.mark.anyio]

SOCKETS = ["/dean/ws", "/dean/ws/services/health", "/dean/ws/evolution/trial-heard"]
REFUSED = "refused"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def bearer(server: Server, user: str = "admin") -> dict[str, str]:
    return {"Authorization": f"Bearer {server.stack.token(user)}"}


def token_that_ends(server: Server, seconds: float) -> str:
    """A token of the admin's that this Airflow would have made, good for so long."""
    claims = jwt.decode(server.stack.token(), options={"verify_signature": False})
    secret = server.stack.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    header = jwt.get_unverified_header(server.stack.token())
    now = time.time()
    return jwt.encode(
        {**claims, "iat": now - 60, "nbf": now - 60, "exp": now + seconds, "jti": f"test-{now}"},
        secret, algorithm=header["alg"], headers={"kid": header["kid"]} if "kid" in header else None,
    )  # fmt: skip


async def outcome(server: Server, path: str, headers: Mapping[str, str]) -> str:
    """The first frame's type, or REFUSED."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(server.stack.url + path, headers=headers) as socket:
                return str(json.loads(await socket.receive_str(timeout=30))["type"])
        except aiohttp.WSServerHandshakeError as refused:
            assert refused.status == 403
            return REFUSED


@pytest.mark.parametrize("path", SOCKETS)
async def test_only_who_may_see_runs_is_admitted(server: Server, store: Store, path: str) -> None:
    open_trial(store, "trial-heard")
    stack, token = server.stack, server.stack.token()
    cookie = {"Cookie": f"_token={token}"}
    own, other = {"Origin": stack.url}, {"Origin": "https://evil.example"}
    found = {
        name: await outcome(server, address, headers)
        for name, address, headers in (
            ("nothing", path, {}),
            ("junk", path, {"Authorization": "Bearer junk"}),
            ("expired", path, {"Authorization": f"Bearer {token_that_ends(server, -120)}"}),
            ("in the URL", f"{path}?token={token}", {}),
            ("as a subprotocol", path, {"Sec-WebSocket-Protocol": f"dean.token, {token}"}),
            ("an outsider", path, bearer(server, "outsider")),
            ("another site's page", path, {**cookie, **other}),
            ("a page of none", path, {**cookie, "Origin": "null"}),
            ("another port's page", path, {**cookie, "Origin": stack.url + "1"}),
            ("another site, unnamed", path, {**cookie, "Sec-Fetch-Site": "cross-site"}),
            ("admin", path, bearer(server)),
            ("viewer", path, bearer(server, "viewer")),
            ("a cookie", path, {**cookie, **own}),
        )
    }

    admitted = {name for name, what in found.items() if what != REFUSED}
    assert admitted == {"admin", "viewer", "a cookie"}, found
    assert len({found[name] for name in admitted}) == 1


async def test_a_user_has_only_so_many_and_gets_one_back(server: Server) -> None:
    address, headers = server.stack.url + "/dean/ws?topics=", bearer(server, "viewer")
    async with aiohttp.ClientSession() as session:
        async with AsyncExitStack() as stack:
            for _ in range(6):
                await stack.enter_async_context(session.ws_connect(address, headers=headers))
            assert await outcome(server, "/dean/ws", headers) == REFUSED
            assert await outcome(server, "/dean/ws", bearer(server)) == "connection"
        deadline = time.monotonic() + 30
        while await outcome(server, "/dean/ws", headers) == REFUSED:
            assert time.monotonic() < deadline, "no socket was given back"


async def test_a_token_that_expires_ends_the_session(server: Server) -> None:
    headers = {"Authorization": f"Bearer {token_that_ends(server, 3)}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.stack.url + "/dean/ws?topics=trials", headers=headers) as socket,
    ):
        async with asyncio.timeout(60):
            async for _ in socket:
                pass

        assert socket.close_code == 4401


async def test_frames_of_the_contract_and_replay_by_http(server: Server, store: Store) -> None:
    headers = bearer(server)
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.ws_connect(server.stack.url + "/dean/ws") as socket:
            before = await until(socket, lambda frame: frame["type"] == "live" and frame.get("topic") == "metrics")
            open_trial(store, "trial-told")
            store.trials.transition("trial-told", "failed", error="<script>alert(1)</script>")
            after = await until(socket, lambda frame: frame["type"] == "trial_failed")
            await socket.send_str("ping")
            assert await socket.receive_str(timeout=30) == "pong"
        assert {"connection", "status_update", "metrics_update"} <= {frame["type"] for frame in before}
        assert [frame["type"] for frame in after] == ["trial_update", "trial_started", "trial_update", "trial_failed"]
        assert after[-1]["data"]["trial"]["error"] == "<script>alert(1)</script>"

        position = next(frame["position"] for frame in before if frame["type"] == "live" and frame["topic"] == "trials")
        asked = {"topic": "trials", "after": position}
        async with session.get(server.stack.url + "/dean/api/v1/feed", params=asked) as answer:
            told = await answer.json()
        assert [frame["type"] for frame in told["frames"]] == [frame["type"] for frame in after]
        assert told["positions"]["trials"] == after[-1]["position"]


@pytest.mark.parametrize(
    ("user", "query", "status"),
    [
        (None, "topic=trials", 401), ("outsider", "topic=trials", 404), ("viewer", "topic=trials", 200),
        ("viewer", "", 422), ("viewer", "topic=nonsense", 422), ("viewer", "topic=trial:none", 404),
        ("viewer", "topic=trials&topic=alerts&after=x", 422), ("viewer", "topic=trials&after=junk", 200),
    ],
)  # fmt: skip
async def test_asking_by_http(server: Server, user: str | None, query: str, status: int) -> None:
    headers = bearer(server, user) if user else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.stack.url}/dean/api/v1/feed?{query}", headers=headers) as answer,
    ):
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_producer_that_is_killed_leaves_nothing_out(server: Server, store: Store) -> None:
    address, headers = server.stack.url + "/dean/ws?topics=trial:trial-killed", bearer(server)
    open_trial(store, "trial-killed")
    url = store_url(server.stack)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, headers=headers) as socket,
    ):
        told = 0
        for island in range(2):
            producer = await asyncio.to_thread(ProducerProcess, url, "trial-killed", 100, island)
            frames = await until(socket, lambda frame: frame["data"].get("evaluations", 0) > 5)
            await asyncio.to_thread(producer.kill)
            told += sum(frame["data"].get("evaluations", 0) for frame in frames)
            while told < store.evaluations.count("trial-killed"):
                frame = json.loads(await socket.receive_str(timeout=30))
                told += frame["data"].get("evaluations", 0)

    assert told == store.evaluations.count("trial-killed")


async def test_what_one_says_reaches_nobody_else(server: Server) -> None:
    address = server.stack.url + "/dean/ws?topics="
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, headers=bearer(server)) as one,
        session.ws_connect(address, headers=bearer(server, "viewer")) as other,
    ):
        for socket in (one, other):
            await socket.receive_str(timeout=30)
        await one.send_str('{"type": "trial_started", "topic": "trials", "data": {}}')
        assert json.loads(await one.receive_str(timeout=30))["data"]["code"] == "bad_request"
        await other.send_str("ping")
        assert await other.receive_str(timeout=30) == "pong"
        await one.send_str("x" * 20_000)
        assert (await one.receive(timeout=30)).data == 1009


async def until(socket: aiohttp.ClientWebSocketResponse, wanted: Any) -> list[dict[str, Any]]:
    """The frames up to the first that is wanted."""
    frames = []
    async with asyncio.timeout(60):
        while not frames or not wanted(frames[-1]):
            frames.append(json.loads(await socket.receive_str()))
    return frames
