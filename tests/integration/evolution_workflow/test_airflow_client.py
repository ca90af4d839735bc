"""The Airflow client and its hook against a started api-server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from airflow_stack import AirflowStack

from dean_airflow.services.call import Call
from dean_airflow.services.clients.airflow import AirflowClient
from dean_airflow.services.credentials import AirflowLogin, BearerToken, Credential
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import AuthenticationError, NotFound, PermissionDenied
from dean_airflow.services.pool import ServicePool

pytestmark = pytest.mark.airflow

T = TypeVar("T")


def ask(stack: AirflowStack, credential: Credential, work: Callable[[AirflowClient], Awaitable[T]]) -> T:
    async def within() -> T:
        async with ServicePool([ServiceEndpoint("airflow", "airflow", stack.url, credential)]) as pool:
            return await work(pool.airflow)

    return asyncio.run(within())


def login(stack: AirflowStack, user: str = "admin") -> AirflowLogin:
    return AirflowLogin(user, stack.passwords[user])


def test_its_health_is_read_from_the_body(web_server: AirflowStack) -> None:
    """No scheduler runs here, which Airflow says with 200."""
    health = ask(web_server, AirflowLogin("nobody", "needs to log in"), lambda airflow: airflow.health())
    assert health.status == "unhealthy"
    assert "scheduler" in (health.error or "")


def test_who_logs_in_may_list(web_server: AirflowStack) -> None:
    page = ask(web_server, login(web_server), lambda airflow: airflow.dags())
    assert page.total_entries == len(page.dags)


def test_a_wrong_password_is_an_authentication_error(web_server: AirflowStack) -> None:
    with pytest.raises(AuthenticationError) as raised:
        ask(web_server, AirflowLogin("admin", "wrong-word"), lambda airflow: airflow.dags())
    assert "wrong-word" not in str(raised.value)


def test_a_token_that_airflow_does_not_know_is_403(web_server: AirflowStack) -> None:
    with pytest.raises(PermissionDenied, match="Invalid JWT"):
        ask(web_server, BearerToken("junk"), lambda airflow: airflow.dags())


def test_an_unknown_dag_is_not_found(web_server: AirflowStack) -> None:
    with pytest.raises(NotFound):
        ask(web_server, login(web_server), lambda airflow: airflow.trigger("no_such_dag", run_id="r"))


def test_airflows_own_button_tests_the_connection(web_server: AirflowStack, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models import Connection

    described = {"conn_type": "dean_airflow_api", "host": web_server.url, "login": "admin"}
    described["password"] = web_server.passwords["admin"]
    monkeypatch.setenv("AIRFLOW_CONN_DEAN_AIRFLOW_API", json.dumps(described))
    good, says = Connection(conn_id="dean_airflow_api", conn_type="dean_airflow_api").test_connection()
    assert (good, "unhealthy" in says and "scheduler" in says) == (False, True), says


def test_a_connection_gets_a_new_password_and_keeps_all_else(web_server: AirflowStack) -> None:
    """As a rotation gives it one."""
    kept = {"conn_type": "http", "host": "broker.internal", "login": "app", "port": 8443}
    made = {"connection_id": "rotated", "password": "the-old-one", **kept}

    async def rotate(airflow: AirflowClient) -> dict[str, Any]:
        await airflow._caller.call(Call("POST", "/api/v2/connections", body=made, attempts=1))
        for _ in range(2):  # it may be repeated
            await airflow.set_password("rotated", "http", "the-new-one-Jd72mLpQ")
        return dict(await airflow.get("connections/rotated"))

    found = ask(web_server, login(web_server), rotate)

    assert {name: found[name] for name in kept} == kept
    stored = web_server.command("connections", "get", "rotated", "--output", "json").stdout
    assert "the-new-one-Jd72mLpQ" in stored
    assert "the-old-one" not in stored
