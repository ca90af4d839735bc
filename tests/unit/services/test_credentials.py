"""Credentials in use: what goes out, renewal ahead of time and after a refusal."""

from __future__ import annotations

import asyncio
import time

import jwt
import pytest
from aiohttp import web

from dean_airflow.services.calling.authentication import RenewedToken, minted
from dean_airflow.services.credentials import AirflowLogin, BearerToken, ServiceToken
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import AuthenticationError, PermissionDenied, ServiceUnavailable
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.tokens import SigningKeys, generate_key, verify

from .conftest import QUICK
from .scripted import TRIAL, Asked, Scripted, drops, json_answer, refused

pytestmark = pytest.mark.anyio

KEYS = SigningKeys((generate_key(),))
SECRET = "a secret of the Airflow that is only a test"


def sent(asked: Asked) -> str:
    return asked.headers["authorization"].removeprefix("Bearer ")


async def test_a_service_token_is_minted_for_the_service_it_goes_to(service: Scripted) -> None:
    credential = ServiceToken(KEYS, audience="evolution")
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, credential)]) as pool:
        await pool.evolution.trial("trial-1")
        await pool.evolution.trial("trial-1")
    first, second = map(sent, service.asked)
    assert first == second
    assert verify(first, KEYS, audience="evolution").roles == ("service",)


async def test_it_may_go_out_in_a_header_of_its_own(service: Scripted) -> None:
    credential = ServiceToken(KEYS, audience="evolution", own_header=True)
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, credential)]) as pool:
        await pool.evolution.trial("trial-1")
    headers = service.asked[0].headers
    assert verify(headers["x-dean-service-token"], KEYS, audience="evolution")
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("life", "later", "renewed"), [(86_400, 86_099, False), (86_400, 86_101, True), (1, 0.9, True)]
)
async def test_a_token_is_renewed_before_it_expires(life: float, later: float, renewed: bool) -> None:
    now = [time.time()]
    source = minted(ServiceToken(KEYS, audience="x", life=life), now=lambda: now[0])
    first = await source.headers()
    now[0] += later
    assert (await source.headers() != first) is renewed


async def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(service: Scripted) -> None:
    credential = ServiceToken(KEYS, audience="evolution")
    service.answers(refused(401), json_answer(TRIAL))
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url, credential)]) as pool:
        await pool.evolution.trial("trial-1")
        service.answers(refused(401))
        with pytest.raises(AuthenticationError):
            await pool.evolution.trial("trial-1")
    tokens = list(map(sent, service.asked))
    assert len(tokens) == 4
    assert tokens[0] != tokens[1] == tokens[2] != tokens[3]


async def test_a_token_that_cannot_be_renewed_is_not_sent_twice(service: Scripted) -> None:
    service.answers(refused(401))
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, BearerToken("t" * 40))
    async with ServicePool([endpoint], retry=QUICK) as pool:
        with pytest.raises(AuthenticationError):
            await pool.evolution.trial("trial-1")
    assert len(service.asked) == 1


async def test_many_refused_at_once_renew_once() -> None:
    fetched = 0

    async def fetch() -> str:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        return f"token-{fetched}"

    source = RenewedToken(fetch)
    headers = await asyncio.gather(*(source.headers() for _ in range(20)))
    assert fetched == 1
    assert all(await asyncio.gather(*(source.renew(one) for one in headers)))
    assert fetched == 2
    assert await source.headers() == {"Authorization": "Bearer token-2"}


async def test_a_wrong_password_is_sent_once_however_many_wait(service: Scripted) -> None:
    service.answers(refused(401, "Invalid credentials"))
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, AirflowLogin("dean", "wrong"))
    async with ServicePool([endpoint], retry=QUICK) as pool:
        failed = await asyncio.gather(*(pool.airflow.dag("a") for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in failed} == {AuthenticationError}
    assert len(service.asked) == 1


async def test_one_who_is_cancelled_does_not_take_the_others_login_along() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def fetch() -> str:
        asked.set()
        await answer.wait()
        return "token"

    source = RenewedToken(fetch)
    first, second = asyncio.create_task(source.headers()), asyncio.create_task(source.headers())
    await asked.wait()
    first.cancel()
    answer.set()
    assert await second == {"Authorization": "Bearer token"}
    assert first.cancelled()


class Airflow:
    """Enough of one to log in at: tokens of a generation, all of which are refused when the next one begins."""

    def __init__(self) -> None:
        self.generation = 1
        self.logins = 0
        self.refusal = 401

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/auth/token":
            self.logins += 1
            body = await request.json()
            if body != {"username": "dean", "password": "right"}:
                return web.json_response({"detail": "Invalid credentials"}, status=401)
            claims = {"sub": "1", "generation": self.generation, "exp": time.time() + 86_400}
            return web.json_response({"access_token": jwt.encode(claims, SECRET)}, status=201)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        except jwt.PyJWTError:
            return web.json_response({"detail": "Invalid JWT token"}, status=403)
        if claims["generation"] != self.generation:
            detail = "Token Expired" if self.refusal == 401 else "Invalid JWT token"
            return web.json_response({"detail": detail}, status=self.refusal)
        return web.json_response({"dag_id": "a", "is_paused": False})


@pytest.mark.parametrize("refusal", [401, 403])
async def test_airflow_is_logged_in_at_once_and_again_when_it_forgets(service: Scripted, refusal: int) -> None:
    airflow = Airflow()
    airflow.refusal = refusal
    service.answers(airflow)
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, AirflowLogin("dean", "right"))
    async with ServicePool([endpoint]) as pool:
        await asyncio.gather(*(pool.airflow.dag("a") for _ in range(10)))
        assert airflow.logins == 1
        airflow.generation = 2
        await asyncio.gather(*(pool.airflow.dag("a") for _ in range(10)))
        assert airflow.logins == 2
    schemes = {one.headers.get("authorization", "none").split()[0] for one in service.asked}
    assert schemes == {"none", "Bearer"}
    assert {one.path.split("/")[1] for one in service.asked} == {"auth", "api"}
    assert all(one.path.startswith(("/auth/token", "/api/v2/")) for one in service.asked)


async def test_a_refused_login_is_said_to_be_one(service: Scripted) -> None:
    service.answers(Airflow())
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, AirflowLogin("dean", "wrong"))
    async with ServicePool([endpoint], retry=QUICK) as pool:
        with pytest.raises(AuthenticationError) as raised:
            await pool.airflow.dag("a")
    assert raised.value.url.endswith("/auth/token")
    assert "wrong" not in f"{raised.value}{raised.value.body}{endpoint!r}"


async def test_a_login_that_cannot_be_reached_leaves_the_call_surely_unmade(service: Scripted) -> None:
    service.answers(drops)
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, AirflowLogin("dean", "right"))
    async with ServicePool([endpoint], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.airflow.clear_run("d", "r")
    assert not raised.value.may_have_arrived
    assert {one.path for one in service.asked} == {"/auth/token"} and len(service.asked) == 3


async def test_a_403_for_want_of_a_role_is_no_reason_to_log_in_again(service: Scripted) -> None:
    airflow = Airflow()
    service.answers(airflow)
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, AirflowLogin("dean", "right"))
    async with ServicePool([endpoint]) as pool:
        await pool.airflow.dag("a")
        service.answers(refused(403, "Forbidden"))
        with pytest.raises(PermissionDenied):
            await pool.airflow.dag("a")
    assert airflow.logins == 1


async def test_deans_services_inside_airflow_are_logged_in_at_at_that_airflow(service: Scripted) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/team/auth/token":
            return web.json_response({"access_token": "t"}, status=201)
        return web.json_response(TRIAL)

    service.answers(answer)
    url = service.url + "/team/dean/services/evolution"
    async with ServicePool([ServiceEndpoint("evolution", "evolution", url, AirflowLogin("dean", "right"))]) as pool:
        await pool.evolution.trial("trial-1")
    assert asked == ["/team/auth/token", "/team/dean/services/evolution/evolution/trial-1/status"]
