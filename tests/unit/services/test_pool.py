"""The pool: all services at once, their health, and those that are not there."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from dean_airflow.errors import DeanError
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import ServiceNotConfigured
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.retrying import RetryPolicy

from .scripted import HEALTH, Scripted, hangs, json_answer, nobody

pytestmark = pytest.mark.anyio


async def test_health_of_all_is_asked_for_at_once(service: Scripted) -> None:
    """Each service waits for the other to be asked: one after the other they would never answer."""
    both = asyncio.Barrier(2)

    async def answer(request: web.Request) -> web.StreamResponse:
        await both.wait()
        return web.json_response(HEALTH)

    async with Scripted() as other:
        for one in (service, other):
            one.answers(answer)
        endpoints = [
            ServiceEndpoint("a", "http", service.url + "/x"),
            ServiceEndpoint("b", "http", other.url + "/x"),
            ServiceEndpoint("dead", "evolution", await nobody(), required=False),
        ]
        async with ServicePool(endpoints) as pool, asyncio.timeout(5):
            health = await pool.check_all_services()
    dead = health.services["dead"]
    assert (health.status, dead.status) == ("healthy", "unhealthy")
    assert "cannot be reached" in (dead.error or "")


GOOD, BAD, ABSENT = {"status": "healthy"}, {"status": "unhealthy"}, {"status": None}


@pytest.mark.parametrize(
    ("health", "status"),
    [
        ({"metadatabase": GOOD, "scheduler": GOOD, "triggerer": ABSENT}, "healthy"),
        ({"metadatabase": GOOD, "scheduler": BAD, "triggerer": GOOD}, "unhealthy"),
        ({}, "degraded"),
    ],
)
async def test_airflows_health_is_in_its_body(service: Scripted, health: dict[str, Any], status: str) -> None:
    service.answers(json_answer(health))
    endpoint = ServiceEndpoint("airflow", "airflow", service.url, BearerToken("t"))
    async with ServicePool([endpoint]) as pool:
        found = (await pool.check_all_services()).services["airflow"]
    assert found.status == status
    assert "authorization" not in service.calls[0].headers


async def test_a_required_one_that_is_down_is_unhealthy(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dean_airflow.services.health.SECONDS", 0.1)
    service.health["status"] = "struggling"
    endpoints = [ServiceEndpoint("evolution", "evolution", service.url)]
    async with ServicePool(endpoints) as pool:
        health = await pool.check_all_services()
        assert (health.status, health.services["evolution"].text) == ("degraded", "struggling")
        pool.add(ServiceEndpoint("hung", "http", service.url + "/hung"))
        service.answers(hangs)
        health = await pool.check_all_services()
    assert (health.status, health.services["hung"].error) == ("unhealthy", "Health check timeout")


async def test_what_an_unhealthy_one_complains_of(service: Scripted) -> None:
    service.health |= {"status": "unhealthy", "checks": {"store": {"status": "unhealthy", "error": "it is full"}}}
    async with ServicePool([ServiceEndpoint("evolution", "evolution", service.url)]) as pool:
        assert (await pool.evolution.health()).error == "store: it is full"


async def test_a_service_that_is_not_configured_is_said_to_be_missing() -> None:
    async with ServicePool() as pool:
        for ask in (lambda: pool.evolution, lambda: pool.indexagent, lambda: pool.airflow, lambda: pool.http("x")):
            with pytest.raises(ServiceNotConfigured):
                ask()
        assert (await pool.check_all_services()).status == "healthy"
    assert issubclass(ServiceNotConfigured, DeanError)


async def test_listing_everything_at_once_works(service: Scripted) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        kinds = {"/agents": "agents", "/patterns": "patterns", "/evolution/trials": "trials", "/api/v2/dags": "dags"}
        return web.Response(text=json.dumps({kinds[request.path]: [], "total": 0, "total_entries": 0}),
            content_type="application/json")  # fmt: skip

    service.answers(answer)
    endpoints = [
        ServiceEndpoint("e", "evolution", service.url),
        ServiceEndpoint("i", "indexagent", service.url),
        ServiceEndpoint("a", "airflow", service.url, BearerToken("t")),
    ]
    async with ServicePool(endpoints, retry=RetryPolicy(attempts=1)) as pool:
        await asyncio.gather(
            *(pool.indexagent.agents() for _ in range(10)),
            *(pool.airflow.dags() for _ in range(10)),
            *(pool.evolution.patterns() for _ in range(10)),
            *(pool.check_all_services() for _ in range(3)),
        )
