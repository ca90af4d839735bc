"""The service contracts inside Airflow: the same routes, with Airflow's users and Airflow as the engine."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import httpx
import pytest
from airflow_stack import AirflowStack

from tests.security.services.matrix import ANYONE, MATRIX, READ

pytestmark = pytest.mark.airflow

EVOLUTION, INDEXAGENT = "/dean/services/evolution", "/dean/services/indexagent"


def walk() -> list[tuple[str, str, tuple[str, ...] | None]]:
    return [
        (method, f"/dean/services/{service}{prefix}" + re.sub(r"\{.*?\}", "unknown-1", path), who)
        for service, routes in MATRIX.items()
        for prefix in ("", "/api/v1")
        for name, who in routes.items()
        for method, path in [name.split(" ")]
    ]


@pytest.mark.parametrize(
    ("case", "status"), [("none", 401), ("junk", 403), ("empty", 401), ("outsider", 403), ("service token", 403)]
)
def test_access_to_every_route_is_airflows_decision(web_server: AirflowStack, case: str, status: int) -> None:
    headers = {
        "none": {},
        "junk": {"Authorization": "Bearer junk"},
        "empty": {"Authorization": ""},
        "outsider": {"Authorization": f"Bearer {web_server.token('outsider')}"},
        "service token": {"Authorization": f"Bearer {foreign_token()}"},
    }[case]

    with httpx.Client(base_url=web_server.url, timeout=30) as client:
        answers = {
            (method, path): client.request(method, path, headers=headers).status_code for method, path, _ in walk()
        }

    assert {route: got for route, got in answers.items() if got != status} == {}


@pytest.mark.parametrize("user", ["viewer", "admin"])
def test_reading_needs_to_see_runs_and_changing_to_make_them(web_server: AirflowStack, user: str) -> None:
    headers = {"Authorization": f"Bearer {web_server.token(user)}"}

    with httpx.Client(base_url=web_server.url, timeout=30) as client:
        answers = {
            (method, path): client.request(method, path, headers=headers).status_code for method, path, _ in walk()
        }

    for method, path, who in walk():
        refused = user == "viewer" and who is not ANYONE and who != READ
        assert (answers[method, path] == 403) == refused, (method, path)
        assert answers[method, path] not in (401, 500), (method, path)


def foreign_token() -> str:
    """What a stand-alone server would accept."""
    from dean_airflow.services.tokens import SigningKeys, generate_key, mint

    keys = SigningKeys((generate_key(),))
    return mint(keys, subject="s", username="u", roles=["admin"], audience="evolution")


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_page_of_another_site_changes_nothing(web_server: AirflowStack, origin: str) -> None:
    cookie = {"_token": web_server.token("admin")}
    body = {"repository": str(web_server.home)}

    answer = httpx.post(
        f"{web_server.url}{EVOLUTION}/evolution/start", json=body, cookies=cookie, headers={"Origin": origin}
    )

    assert (answer.status_code, answer.json()["detail"]) == (403, f"A page of {origin} may not change anything here.")


def test_answers_have_headers_for_browsers(web_server: AirflowStack) -> None:
    headers = web_server.request("GET", f"{EVOLUTION}/evolution/trials").headers

    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


def connect(web_server: AirflowStack, **options: Any) -> Any:
    """The first frame of a socket; the HTTP status when it was refused."""

    async def first() -> Any:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{web_server.url}{EVOLUTION}/ws", **options) as socket,
            ):
                return await socket.receive_json(timeout=10)
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status

    return asyncio.run(first())


@pytest.mark.parametrize("user", ["viewer", "admin"])
def test_a_socket_opens_for_who_may_see_runs(web_server: AirflowStack, user: str) -> None:
    token = web_server.token(user)

    for options in (
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"headers": {"Cookie": f"_token={token}", "Origin": web_server.url}},
    ):
        frame = connect(web_server, **options)
        assert (frame["type"], frame["authenticated"], frame["user"]) == ("connection", True, user)


@pytest.mark.parametrize("case", ["none", "junk", "outsider", "other site"])
def test_a_socket_is_refused_to_others(web_server: AirflowStack, case: str) -> None:
    headers = {
        "none": {},
        "junk": {"Authorization": "Bearer junk"},
        "outsider": {"Authorization": f"Bearer {web_server.token('outsider')}"},
        "other site": {"Cookie": f"_token={web_server.token('admin')}", "Origin": "https://evil.example"},
    }[case]

    assert connect(web_server, headers=headers) == 403
