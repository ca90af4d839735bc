"""The hooks, against services that answer over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..services.scripted import TRIAL, Scripted, json_answer, nobody, refused, scripted_in_a_thread

pytestmark = pytest.mark.airflow


@pytest.fixture
def service(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    with scripted_in_a_thread() as service:
        _connect(service.url, monkeypatch)
        yield service


def _connect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("evolution", "indexagent", "airflow_api"):
        connection = {"conn_type": f"dean_{kind}", "host": url, "login": "", "password": "k" * 40}
        if kind == "airflow_api":
            connection |= {"login": "dean", "password": "right"}
        monkeypatch.setenv(f"AIRFLOW_CONN_DEAN_{kind.upper()}", json.dumps(connection))


@pytest.fixture(autouse=True)
def fresh_pool() -> Iterator[None]:
    """Each test is a task of its own."""
    from dean_airflow.hooks import task_pool

    yield
    for pool in task_pool._pools.values():
        pool.close()
    task_pool._pools.clear()


def test_a_call_goes_out_with_the_connections_credential(service: Scripted) -> None:
    from dean_airflow.hooks.evolution import EvolutionHook

    assert EvolutionHook().call(lambda evolution: evolution.trial("trial-1")).trial_id == "trial-1"
    assert service.asked[0].headers["x-api-key"] == "k" * 40


def test_hooks_of_a_task_share_a_pool_and_read_their_connection_once(
    service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dean_airflow.hooks.evolution import EvolutionHook
    from dean_airflow.hooks.indexagent import IndexAgentHook

    one, other = EvolutionHook(), IndexAgentHook()
    assert one.pool is other.pool is one.get_conn()
    monkeypatch.delenv("AIRFLOW_CONN_DEAN_EVOLUTION")
    for _ in range(5):
        one.call(lambda evolution: evolution.trial("trial-1"))
    assert len({id(asked.connection) for asked in service.asked}) == 1


def test_any_path_is_reached_as_with_an_http_hook(service: Scripted) -> None:
    from dean_airflow.hooks.evolution import EvolutionHook

    service.answers(json_answer({"is": "here"}, status=418))
    reply = EvolutionHook().run("anything", {"a": "b"})
    assert (reply.status, reply.json()) == (418, {"is": "here"})
    assert (service.asked[0].path, service.asked[0].query) == ("/anything", {"a": "b"})


def test_a_missing_connection_is_airflows_own_error(airflow_home: Path) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    from dean_airflow.hooks.evolution import EvolutionHook

    with pytest.raises(AirflowNotFoundException):
        _ = EvolutionHook("not_there").endpoint


def _hook(kind: str) -> Any:
    from dean_airflow.hooks.airflow_api import AirflowApiHook
    from dean_airflow.hooks.evolution import EvolutionHook
    from dean_airflow.hooks.indexagent import IndexAgentHook

    return {"evolution": EvolutionHook, "indexagent": IndexAgentHook, "airflow_api": AirflowApiHook}[kind]()


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("evolution", [json_answer({"trials": [TRIAL], "total": 1})]),
        ("indexagent", [json_answer([])]),
        (
            "airflow_api",
            [
                json_answer({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}}),
                json_answer({"access_token": "t"}, status=201),
                json_answer({"dags": [], "total_entries": 0}),
            ],
        ),
    ],
)
def test_a_good_connection_tests_well(service: Scripted, kind: str, answers: list[Any]) -> None:
    service.answers(*answers)
    good, says = _hook(kind).test_connection()
    assert good, says
    assert "is healthy and accepts the credential" in says


def test_a_refused_credential_is_said_to_be(service: Scripted) -> None:
    service.answers(refused(401, "Invalid or expired token"))
    good, says = _hook("evolution").test_connection()
    assert not good
    assert "does not accept the credential" in says and "kkkk" not in says


def test_a_dead_service_is_said_to_be(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = asyncio.run(nobody())
    monkeypatch.setenv("AIRFLOW_CONN_DEAN_EVOLUTION", json.dumps({"conn_type": "dean_evolution", "host": url}))
    good, says = _hook("evolution").test_connection()
    assert not good
    assert "cannot be reached" in says


def test_airflow_knows_the_connection_types_their_forms_and_their_test(airflow_home: Path) -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    for kind in ("dean_evolution", "dean_indexagent", "dean_airflow_api"):
        hook = manager.hooks[kind]
        assert hook is not None and hook.connection_testable and hook.connection_type == kind
        assert "timeout" in {name.rsplit("__", 1)[-1] for name in manager.connection_form_widgets if kind in name}
        assert manager.field_behaviours[kind]["relabeling"]["host"] == "Host or URL"
