"""`airflow dean status` and `airflow dean circuit-breaker`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dean_airflow.store.circuits import Circuit, Tally
from dean_airflow.store.store import Store

from ..services.scripted import Scripted, nobody, scripted_in_a_thread

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "dean").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        yield store


@pytest.fixture
def service() -> Iterator[Scripted]:
    with scripted_in_a_thread() as service:
        yield service


def test_status_of_what_is_configured(
    airflow: Callable[..., int],
    store: Store,
    service: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AIRFLOW__DEAN__EVOLUTION_URL", service.url)
    assert airflow("dean", "status") == 0
    assert capsys.readouterr().out.split()[:2] == ["evolution", "healthy"]

    monkeypatch.setenv("AIRFLOW__DEAN__INDEXAGENT_URL", asyncio.run(nobody()))
    assert airflow("dean", "status", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "unhealthy"
    assert "cannot be reached" in found["services"]["indexagent"]["error"]


def test_status_where_nothing_is_configured(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow("dean", "status") == 0
    assert "embedded engine" in capsys.readouterr().out


def test_a_circuit_is_listed_configured_and_reset(
    airflow: Callable[..., int], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = replace(Circuit("evolution"), state="open", failures=5, opened_at=datetime.now(UTC), last_failure="no")
    store.circuits.put(opened, "test", Tally(1, 5, 7))

    assert airflow("dean", "circuit-breaker", "list") == 0
    line = capsys.readouterr().out
    assert line.split()[:2] == ["evolution", "open"] and "1 good, 5 failed, 7 refused" in line

    assert airflow("dean", "circuit-breaker", "configure", "evolution", "--failures", "3", "--open-seconds", "5") == 0
    assert json.loads(capsys.readouterr().out) == {"failures": 3, "open_seconds": 5.0, "successes": None}
    assert airflow("dean", "circuit-breaker", "reset", "evolution") == 0
    capsys.readouterr()

    assert airflow("dean", "circuit-breaker", "list", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["state"], found["success_rate"], found["limits"]["failures"]) == ("closed", 0.1667, 3)
    assert airflow("dean", "circuit-breaker", "configure", "evolution", "--defaults") == 0
    assert store.circuits.get("evolution").failure_limit is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("reset", "unknown"), "no circuit breaker 'unknown'"),
        (("configure", "x"), "Nothing to set"),
        (("configure", "x", "--open-seconds", "-1"), "more than 0 seconds"),
        (("configure", "x", "--defaults", "--failures", "1"), "no other option"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    airflow: Callable[..., int], store: Store, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow("dean", "circuit-breaker", *words) == 1
    assert says in capsys.readouterr().err
