"""What every call does: its headers, its connections, its retries, its deadline, the error it ends in."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from dean_airflow.services.call import Call
from dean_airflow.services.contract.capabilities import IDEMPOTENCY_KEY
from dean_airflow.services.correlation import correlated
from dean_airflow.services.credentials import ApiKey, BearerToken
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.errors import (
    AuthenticationError,
    ConflictError,
    ContractViolation,
    NotFound,
    PermissionDenied,
    PoolClosed,
    RateLimited,
    RejectedRequest,
    ResponseTooLarge,
    ServiceError,
    ServiceFault,
    ServiceTimeout,
    ServiceUnavailable,
)
from dean_airflow.services.pool import ServicePool

from .conftest import QUICK
from .scripted import (
    TRIAL,
    Scripted,
    drips,
    drops,
    hangs,
    json_answer,
    nobody,
    raw_service,
    refused,
    text_answer,
    truncates,
)

pytestmark = pytest.mark.anyio

POST = Call("POST", "/evolution/pause", body={"trial_id": "trial-1"})


async def test_a_call_carries_the_id_and_user_of_what_it_is_for_and_no_other_credential(service: Scripted) -> None:
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, credential=ApiKey("k" * 40))
    async with ServicePool([endpoint]) as pool:
        with correlated("request-7", "ada", "10.0.0.7"):
            await pool.evolution.trial("trial-1")
        with correlated("bad\r\nid", "eve\r\nX-Evil: 1 ü"):
            await pool.evolution.trial("trial-1")
        await pool.evolution.trial("trial-1")

    first, strange, second = service.asked
    assert first.headers["x-original-ip"] == "10.0.0.7"
    assert strange.headers["x-user-id"] == "eve%0D%0AX-Evil: 1 %C3%BC" and "x-evil" not in strange.headers
    assert len(strange.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] == "request-7"
    assert first.headers["x-user-id"] == "ada"
    assert first.headers["x-api-key"] == "k" * 40
    assert second.headers["x-request-id"] not in ("", "request-7")
    assert "x-user-id" not in second.headers
    assert {"authorization", "cookie"}.isdisjoint(first.headers)


async def test_cookies_of_a_service_are_not_kept(service: Scripted, pool: ServicePool) -> None:
    service.answers(json_answer(TRIAL, Set_Cookie="session=1; Path=/"))
    await pool.evolution.trial("trial-1")
    await pool.evolution.trial("trial-1")
    assert "cookie" not in service.asked[1].headers


async def test_many_calls_use_few_connections(service: Scripted) -> None:
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url)], per_service=4) as pool:
        await asyncio.gather(*(pool.evolution.trial("trial-1") for _ in range(60)))
    assert len({id(one.connection) for one in service.asked}) <= 4


@pytest.mark.parametrize(("status", "kind"), [(502, ServiceUnavailable), (503, ServiceUnavailable), (429, RateLimited)])
async def test_what_passes_is_tried_three_times(service: Scripted, pool: ServicePool, status: int, kind: type) -> None:
    service.answers(refused(status))
    with pytest.raises(kind) as raised:
        await pool.evolution.trial("trial-1")
    assert len(service.calls) == raised.value.attempts == 3


async def test_the_second_attempt_may_succeed(service: Scripted, pool: ServicePool) -> None:
    service.answers(refused(504), json_answer(TRIAL))
    assert (await pool.evolution.trial("trial-1")).trial_id == "trial-1"
    assert len(service.calls) == 2
    assert service.calls[0].headers["x-request-id"] == service.calls[1].headers["x-request-id"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedRequest),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFound),
        (409, ConflictError),
        (422, RejectedRequest),
        (500, ServiceFault),
        (302, ContractViolation),
    ],
)
async def test_what_will_not_pass_is_tried_once(service: Scripted, pool: ServicePool, status: int, kind: type) -> None:
    service.answers(refused(status, "because", Location="http://elsewhere.test/"))
    with pytest.raises(kind) as raised:
        await pool.evolution.trial("trial-1")

    error = raised.value
    assert (error.service, error.status, error.attempts) == ("evolution", status, 1)
    assert error.url == f"{service.url}/evolution/trial-1/status"
    assert "because" in error.body and "because" in str(error)
    assert len(service.calls) == 1


async def test_nobody_there() -> None:
    async with ServicePool([ServiceEndpoint("evolution", "evolution", await nobody())], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.evolution.trial("trial-1")
    assert (raised.value.attempts, raised.value.status, raised.value.may_have_arrived) == (3, None, False)


async def test_a_post_is_repeated_when_it_surely_never_arrived() -> None:
    async with ServicePool([ServiceEndpoint("evolution", "evolution", await nobody())], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.evolution.pause("trial-1")
    assert raised.value.attempts == 3


@pytest.mark.parametrize("fault", [drops, refused(503), refused(429)])
async def test_a_post_that_may_have_arrived_is_not_repeated(service: Scripted, pool: ServicePool, fault) -> None:
    service.answers(fault)
    with pytest.raises(ServiceError):
        await pool.evolution.pause("trial-1")
    assert len(service.calls) == 1


@pytest.mark.parametrize(("capabilities", "attempts"), [([IDEMPOTENCY_KEY], 3), ([], 1)])
async def test_a_post_with_a_key_is_repeated_where_the_service_knows_keys(
    service: Scripted, evolution: ServiceEndpoint, capabilities: list[str], attempts: int
) -> None:
    service.health["capabilities"] = capabilities
    service.answers(drops)
    async with ServicePool([evolution], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable) as raised:
            await pool.evolution._caller.call(Call("POST", "/things", body={}, key="key-1"))
    assert len(service.calls) == raised.value.attempts == attempts
    assert {one.headers["idempotency-key"] for one in service.calls} == {"key-1"}


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_obeyed_or_given_up_for(service: Scripted, pool: ServicePool, as_date: bool) -> None:
    """The endpoint's deadline is 5 s: asked to wait for a minute, the call ends at once instead of asking earlier."""
    wait = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True) if as_date else "60"
    service.answers(refused(429, Retry_After=wait), json_answer(TRIAL))
    with pytest.raises(RateLimited) as raised:
        await pool.evolution.trial("trial-1")
    assert 50 < raised.value.retry_after <= 60
    assert len(service.calls) == 1


async def test_a_short_retry_after_is_waited_for(service: Scripted, pool: ServicePool) -> None:
    service.answers(refused(503, Retry_After="1"), json_answer(TRIAL))
    begun = time.monotonic()
    await pool.evolution.trial("trial-1")
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("fault", [hangs, drips])
async def test_the_deadline_holds_for_the_whole_call(service: Scripted, fault) -> None:
    service.answers(fault)
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, timeout=0.4)
    async with ServicePool([endpoint], retry=QUICK) as pool:
        async with asyncio.timeout(3):
            with pytest.raises(ServiceTimeout) as raised:
                await pool.evolution.trial("trial-1")
    assert raised.value.may_have_arrived
    assert len(service.calls) == raised.value.attempts > 1


async def test_a_post_gets_the_whole_deadline_in_its_one_attempt(service: Scripted) -> None:
    service.answers(hangs)
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, timeout=0.3)
    async with ServicePool([endpoint], retry=QUICK) as pool:
        with pytest.raises(ServiceTimeout) as raised:
            await pool.evolution.pause("trial-1")
    assert raised.value.attempts == len(service.calls) == 1


async def test_a_black_hole_ends_with_the_deadline() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with raw_service(swallow) as url:
        endpoint = ServiceEndpoint("evolution", "evolution", url, timeout=0.2)
        async with ServicePool([endpoint], retry=QUICK) as pool:
            with pytest.raises(ServiceTimeout):
                await pool.evolution.trial("trial-1")


async def test_an_answer_cut_short_is_a_broken_connection(service: Scripted, pool: ServicePool) -> None:
    service.answers(truncates, json_answer(TRIAL))
    assert (await pool.evolution.trial("trial-1")).trial_id == "trial-1"


@pytest.mark.parametrize(
    "body",
    [
        '{"trial_id": "tri',
        "[" * 100_000,
        "<html>",
        "",
        '"text"',
        '{"trial_id": 7}',
        json.dumps({**TRIAL, "status": "dancing"}),
        json.dumps({**TRIAL, "started_at": "yesterday"}),
        json.dumps({**TRIAL, "best_fitness": "high"}),
    ],
)
async def test_an_answer_that_breaks_the_contract_is_said_to(service: Scripted, pool: ServicePool, body: str) -> None:
    service.answers(text_answer(body))
    with pytest.raises(ContractViolation) as raised:
        await pool.evolution.trial("trial-1")
    assert len(service.calls) == 1
    assert str(raised.value).count("\n") == 0


async def test_an_answer_without_end_is_cut_off(service: Scripted, pool: ServicePool) -> None:
    service.answers(text_answer("x" * 300_000))
    with pytest.raises(ResponseTooLarge):
        await pool.http("evolution").get("/big", body_limit=100_000)


async def test_what_is_no_http_is_said_to() -> None:
    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        writer.close()

    async with raw_service(gibberish) as url, ServicePool([ServiceEndpoint("x", "http", url)]) as pool:
        with pytest.raises(ContractViolation, match="not HTTP"):
            await pool.http("x").get()


async def test_a_request_that_cannot_be_made_is_said_to_be(service: Scripted) -> None:
    secret = "a-key-with-a\r\nline-end"
    async with ServicePool([ServiceEndpoint("x", "http", service.url, ApiKey(secret))]) as pool:
        with pytest.raises(ServiceError, match="check the connection") as raised:
            await pool.http("x").get()
    assert "line-end" not in str(raised.value)


async def test_a_body_that_unpacks_to_more_than_the_limit_is_cut_off(service: Scripted, pool: ServicePool) -> None:
    async def bomb(request: web.Request) -> web.StreamResponse:
        packed = gzip.compress(bytes(50_000_000))
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    service.answers(bomb)
    with pytest.raises(ResponseTooLarge):
        await pool.http("evolution").get("/bomb", body_limit=1_000_000)


async def test_no_secret_is_in_an_error(service: Scripted) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    service.answers(refused(400, {"message": f"bad {token}", "password": "hunter2secret", "api_key": "abcdef123456"}))
    endpoint = ServiceEndpoint("evolution", "evolution", service.url, credential=BearerToken(token))
    async with ServicePool([endpoint]) as pool:
        with pytest.raises(RejectedRequest) as raised:
            await pool.evolution.trial("trial-1")
    shown = f"{raised.value} {raised.value.body} {raised.value.url} {endpoint!r}"
    for secret in (token, "hunter2secret", "abcdef123456"):
        assert secret not in shown


async def test_the_pool_closes_its_connections_whatever_happened(service: Scripted) -> None:
    service.answers(hangs)
    with pytest.raises(RuntimeError, match="on purpose"):
        async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url)], retry=QUICK) as pool:
            call = asyncio.create_task(pool.evolution.trial("trial-1"))
            await service.was_called(1)
            raise RuntimeError("on purpose")
    with pytest.raises(PoolClosed):
        await call
    with pytest.raises(PoolClosed):
        await pool.evolution.trial("trial-1")


async def test_an_endpoint_of_another_prefix_is_called_there(service: Scripted) -> None:
    endpoint = ServiceEndpoint("evolution", "evolution", service.url + "/", prefix="/api/v1/")
    async with ServicePool([endpoint]) as pool:
        await pool.evolution.trial("a/../b")
    assert service.asked[0].path == "/api/v1/evolution/a/../b/status"


async def test_a_plain_client_measures_where_the_time_goes(service: Scripted) -> None:
    endpoint = ServiceEndpoint("watched", "http", service.url + "/status", breaker=BreakerLimits(enabled=False))
    service.answers(refused(500), json_answer({"a": 1}))
    async with ServicePool([endpoint]) as pool:
        first = await pool.http("watched").get()
        second = await pool.http("watched").get("/more", query={"x": [1, 2], "y": None, "z": True})
    assert (first.status, first.phases.reused) == (500, False)
    assert first.phases.connect is not None and first.phases.first_byte is not None
    assert first.phases.tls is None and first.phases.total >= first.phases.connect + first.phases.first_byte
    assert second.json() == {"a": 1} and second.phases.reused and second.phases.connect is None
    assert [one.path for one in service.asked] == ["/status", "/status/more"]
    assert service.asked[1].query == {"x": "2", "z": "true"} or service.asked[1].query["x"] in ("1", "2")
