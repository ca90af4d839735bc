"""Every door of the app, by whom and from where: found by looking at the app, so that no new one is forgotten."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route, WebSocketRoute

from tests.unit.plugin.conftest import BASE, Plugin
from tests.unit.plugin.some_trials import make_trial

pytestmark = pytest.mark.airflow

FOR_EVERYONE_KNOWN = {"/api/v1/me", "/api/openapi.json", "/api/v1/feed"}
"""Routes without data of any DAG's; and the feed, which asks topic by topic."""
FOR_ADMINISTRATORS = {"/api/audit/recent"}
"""Whoever may change Airflow's configuration; its development auth manager says that of `op`, too."""
STRANGERS = {"nobody": 401, "junk": 403, "expired": 401, "of another server": 403}
KNOWN = ("outsider", "viewer", "op", "admin")
FROM: dict[str, dict[str, str]] = {
    "a program": {},
    "a page of its own": {"Origin": BASE, "Sec-Fetch-Site": "same-origin"},
    "a page of another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a frame without an origin": {"Origin": "null"},
    "another site, by a link": {"Sec-Fetch-Site": "cross-site"},
}
FOREIGN = ("a page of another site", "a frame without an origin", "another site, by a link")


@dataclass(frozen=True)
class Door:
    method: str
    path: str
    route: str

    @property
    def changes(self) -> bool:
        return self.method not in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Knock:
    """One request, and what may come of it: a status, or any that is no refusal."""

    door: Door
    who: str
    whence: str
    refused: int | None


def doors(app: Any) -> list[Door]:
    found = []
    for route in app.routes:
        if isinstance(route, WebSocketRoute):
            continue  # they decide themselves, before they accept: see the tests of the feed
        if isinstance(route, Mount):
            found += [Door(method, f"{route.path}/health", route.path) for method in ("GET", "POST")]
            continue
        assert isinstance(route, Route | APIRoute), f"{route!r} is a kind of door this test does not know"
        for method in route.methods:
            path = re.sub(r"\{trial_id\}", "trial-00000001", route.path)
            found.append(Door(method, re.sub(r"\{.*?\}", "1", path), route.path))
    return [*found, Door("GET", "/nowhere", ""), Door("POST", "/nowhere", ""), Door("TRACE", "/health", "")]


def knocks(door: Door) -> Iterator[Knock]:
    for whence in FROM:
        for who, status in STRANGERS.items():
            yield Knock(door, who, whence, status)
        for who in KNOWN:
            yield Knock(door, who, whence, _refusal(door, who, whence))


def _refusal(door: Door, who: str, whence: str) -> int | None:
    if door.changes and whence in FOREIGN:
        return 403
    if door.route == "" or door.route in FOR_EVERYONE_KNOWN or door.route.startswith("/services/"):
        return None  # nothing there, or a place that asks by itself
    if door.route in FOR_ADMINISTRATORS:
        return None if who in ("admin", "op") else 403
    if who == "outsider" or (who == "viewer" and door.changes):
        return 403
    return None


async def ask_all(plugin: Plugin, asked: list[Knock]) -> list[httpx.Response]:
    transport = httpx.ASGITransport(plugin.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        return [
            await client.request(
                knock.door.method, knock.door.path, headers={**FROM[knock.whence], **_credential(plugin, knock, number)}
            )
            for number, knock in enumerate(asked)
        ]


def _credential(plugin: Plugin, knock: Knock, number: int) -> dict[str, str]:
    if knock.who == "nobody":
        return {}
    if knock.who == "junk":
        return {"Authorization": "Bearer junk"}
    if knock.who == "expired":
        return {"Authorization": f"Bearer {plugin.token('admin', seconds=-3600)}"}
    if knock.who == "of another server":
        head, body, signature = plugin.token("admin").split(".")
        return {"Authorization": f"Bearer {head}.{body}.{signature[::-1]}"}
    role = "viewer" if knock.who == "outsider" else knock.who
    # Each a user of their own, or the walk would be more than one may ask a minute.
    name = knock.who if knock.who == "outsider" else f"{knock.who}-{number}"
    return {"Authorization": f"Bearer {plugin.token(name, role)}"}


def test_every_door_lets_in_whom_it_should_and_its_answers_carry_the_headers(plugin: Plugin) -> None:
    from dean_airflow.services.server.limits import RateLimit

    plugin.app.state.rates._limit = 100_000
    assert isinstance(plugin.app.state.rates, RateLimit)
    make_trial(plugin.store)
    found = doors(plugin.app)
    asked = [knock for door in found for knock in knocks(door)]

    answers = asyncio.run(ask_all(plugin, asked))

    assert {door.route for door in found} >= {"/metrics", "/api/v1/trials", "/api/openapi.json", "/services/evolution"}
    wrong = [
        f"{knock.door.method} {knock.door.path} as {knock.who} from {knock.whence}: {answer.status_code}"
        for knock, answer in zip(asked, answers, strict=True)
        if not _as_expected(knock, answer)
    ]
    assert wrong == []


def _as_expected(knock: Knock, answer: httpx.Response) -> bool:
    status = answer.status_code
    right = status == knock.refused if knock.refused else status not in (401, 403) and status < 500
    if knock.refused is None and knock.door.route.startswith("/services/"):
        right = status < 500
    return right and _dressed(answer)


def _dressed(answer: httpx.Response) -> bool:
    headers = answer.headers
    policy = headers.get("content-security-policy", "")
    body = (
        answer.status_code < 400
        or answer.request.method == "HEAD"
        or {"detail", "code", "request_id"} - answer.json().keys() in (set(), {"code"})
    )
    return (
        "frame-ancestors" in policy
        and "unsafe-inline" not in policy
        and "*" not in policy
        and headers.get("x-content-type-options") == "nosniff"
        and headers.get("x-frame-options") in ("SAMEORIGIN", "DENY")
        and headers.get("referrer-policy") in ("same-origin", "no-referrer")
        and ("no-store" in headers.get("cache-control", "") or answer.request.url.path.startswith("/static/"))
        and "x-request-id" in headers
        and "access-control-allow-origin" not in headers
        and (answer.status_code != 401 or headers.get("www-authenticate") == "Bearer")
        and body
    )


def test_a_trial_is_as_open_as_the_runs_of_its_dag(plugin: Plugin) -> None:
    own = make_trial(plugin.store, "trial-00000001")
    nightly = make_trial(plugin.store, "trial-00000002", dag="dean_scheduled_trials")

    def status(user: str, trial: str) -> int:
        return plugin.get(f"/api/v1/trials/{trial}", user=user).status_code

    assert (status("viewer", own), status("viewer", nightly)) == (200, 200)
    assert (status("nightly", own), status("nightly", nightly)) == (403, 200)
    assert (status("outsider", own), status("outsider", nightly)) == (403, 403)
    assert (status("watcher", own), status("watcher", "trial-unknown")) == (403, 403)
    assert [row["trial_id"] for row in plugin.get("/api/v1/trials", user="nightly").json()["trials"]] == [nightly]
    assert plugin.get("/api/v1/trials", user="nightly").json()["total"] == 1
    assert plugin.get("/api/v1/trials", user="viewer").json()["total"] == 2


def test_somebody_elses_trial_is_as_one_that_is_not_there(plugin: Plugin) -> None:
    hidden = make_trial(plugin.store, "trial-00000009", dag="team_secret")

    there = plugin.get(f"/api/v1/trials/{hidden}", user="trials-only")
    not_there = plugin.get("/api/v1/trials/trial-00000010", user="trials-only")
    stopped = plugin.ask("POST", f"/api/v1/trials/{hidden}/stop", user="trials-only")

    assert (there.status_code, there.json()["detail"]) == (not_there.status_code, not_there.json()["detail"])
    assert (there.status_code, stopped.status_code) == (404, 404)
    assert plugin.store.trials.get(hidden).status == "running"


def test_the_cookie_is_a_credential_for_pages_of_its_own(plugin: Plugin) -> None:
    cookies = {"Cookie": f"_token={plugin.token('op')}"}
    trial = make_trial(plugin.store)
    stop = f"/api/v1/trials/{trial}/stop"

    assert plugin.ask("GET", "/api/v1/me", user=None, headers=cookies).json()["user"] == "op"
    assert plugin.ask("POST", stop, user=None, headers=cookies).status_code == 403
    own = plugin.ask("POST", stop, user=None, headers={**cookies, "Origin": BASE})
    assert own.status_code == 200
    assert plugin.store.trials.get(trial).status == "cancelled"


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "_token"])
def test_a_token_in_the_url_is_none(plugin: Plugin, name: str) -> None:
    assert plugin.ask("GET", "/api/v1/me", user=None, params={name: plugin.token("admin")}).status_code == 401


def test_under_tls_browsers_are_told_to_stay_there(plugin: Plugin) -> None:
    async def ask(scheme: str) -> httpx.Response:
        transport = httpx.ASGITransport(plugin.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://airflow.example") as client:
            return await client.get("/nowhere")

    assert "max-age" in asyncio.run(ask("https")).headers["strict-transport-security"]
    assert "strict-transport-security" not in asyncio.run(ask("http")).headers


def test_nobody_takes_more_than_their_share(plugin: Plugin) -> None:
    async def many() -> list[httpx.Response]:
        return [await plugin.send("GET", "/api/v1/nowhere", user="viewer") for _ in range(1001)]

    answers = asyncio.run(many())

    assert {answer.status_code for answer in answers[:1000]} == {404}
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["code"] == "RATE_LIMITED"
    assert plugin.get("/api/v1/me", user="op").status_code == 200


def test_a_body_that_is_too_large_is_not_read(plugin: Plugin) -> None:
    answer = plugin.ask("POST", "/api/v1/trials", content=b"x" * (2**20 + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "INVALID_REQUEST")


def test_an_error_of_our_own_says_nothing_and_is_dressed(plugin: Plugin) -> None:
    def broken(request: Any) -> None:
        raise RuntimeError("a secret")

    plugin.app.router.routes.append(Route("/broken", broken))
    answer = plugin.get("/broken")
    plugin.app.router.routes.pop()

    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert _dressed(answer)


def test_changes_and_refusals_are_on_record(plugin: Plugin) -> None:
    trial = make_trial(plugin.store)

    async def deeds() -> None:
        await plugin.send("POST", f"/api/v1/trials/{trial}/stop", user="viewer")
        await plugin.send("POST", f"/api/v1/trials/{trial}/stop", user="op")
        await plugin.send("POST", "/api/v1/trials", user="op", headers={"Origin": "https://evil.example"})
        await plugin.app.state.audit.flush()

    asyncio.run(deeds())

    entries = plugin.get("/api/audit/recent").json()["entries"]
    seen = {(one["action"], one["user"], one["resource"], one["outcome"]) for one in entries}
    stop = f"POST /api/v1/trials/{trial}/stop"
    assert seen == {
        ("denied", "viewer", stop, "403"), ("call", "op", stop, "200"), ("denied", "op", "POST /api/v1/trials", "403"),
    }  # fmt: skip
    assert plugin.get("/api/audit/recent", user="user").status_code == 403


def test_a_store_that_cannot_be_reached_is_a_sentence_and_comes_back(plugin: Plugin, tmp_path: Any) -> None:
    make_trial(plugin.store)
    assert plugin.get("/api/v1/trials").json()["total"] == 1
    folder = tmp_path / "dean"
    plugin.app.state.stored.close()
    plugin.store.close()
    moved = folder.rename(tmp_path / "elsewhere")
    folder.write_text("no folder")

    for path in ("/api/v1/trials", "/api/v1/overview", "/api/v1/trials/trial-00000001", "/api/v1/patterns"):
        gone = plugin.get(path)
        assert (gone.status_code, gone.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert gone.json()["detail"].endswith(".")

    folder.unlink()
    moved.rename(folder)
    deadline = time.monotonic() + 20
    while (back := plugin.get("/api/v1/trials")).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert back.json()["total"] == 1
