"""Alerts and silences over HTTP, Airflow's permissions granted: what the routes do, and for whose pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.alerts_in_store import evolution_is_down
from tests.unit.plugin.conftest import BASE, Ask, Plugin

pytestmark = pytest.mark.airflow

TOKEN = {"Authorization": "Bearer TOKEN"}
NEW = {"labels": {"service": "a"}, "duration": "2h", "reason": "new disks"}


@pytest.fixture
def ask(plugin: Plugin) -> Ask:
    """Asks the app as somebody who may do everything, with the credentials given."""

    def send(method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        given = {name: value.replace("TOKEN", plugin.token("ada")) for name, value in (headers or TOKEN).items()}
        return plugin.ask(method, path, user=None, headers=given, **options)

    return send


def test_a_silence_is_made_listed_and_ended(ask) -> None:
    made = ask("POST", "/alerts/silences", json=NEW, headers=TOKEN)
    assert made.status_code == 201
    assert (made.json()["author"], made.json()["labels"]) == ("ada", {"service": "a"})

    listed = ask("GET", "/alerts/silences").json()
    assert (listed["total"], listed["silences"]) == (1, [made.json()])

    ended = ask("DELETE", f"/alerts/silences/{made.json()['id']}", headers=TOKEN)
    assert (ended.status_code, ended.json()["ended_early"]) == (200, True)
    assert ask("GET", "/alerts/silences").json()["total"] == 0
    assert ask("GET", "/alerts/silences", params={"ended": True}).json()["total"] == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"labels": {}}, 422),
        ({"duration": "soon"}, 400),
        ({"duration": "0"}, 400),
        ({"reason": "  "}, 400),
        ({"reason": ""}, 422),
        ({"other": 1}, 422),
    ],
)
def test_what_cannot_be_silenced(ask, changed: dict[str, Any], code: int) -> None:
    assert ask("POST", "/alerts/silences", json=NEW | changed, headers=TOKEN).status_code == code
    assert ask("GET", "/alerts/silences").json()["total"] == 0


def test_an_unknown_silence_is_404(ask) -> None:
    answer = ask("DELETE", "/alerts/silences/silence-unknown", headers=TOKEN)

    assert answer.status_code == 404
    assert "silence-unknown" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": BASE, "Cookie": "_token=TOKEN"}, 201),
        ({"Origin": "https://evil.example", "Cookie": "_token=TOKEN"}, 403),
        ({"Origin": "https://evil.example", **TOKEN}, 403),
        ({"Origin": "null", "Cookie": "_token=TOKEN"}, 403),
        ({"Origin": f"{BASE}.evil.example", "Cookie": "_token=TOKEN"}, 403),
        ({"Cookie": "_token=TOKEN"}, 403),
        (TOKEN, 201),
    ],
)
def test_only_pages_of_this_server_may_change_anything(ask, headers: dict[str, str], code: int) -> None:
    assert ask("POST", "/alerts/silences", json=NEW, headers=headers).status_code == code


def test_alerts_are_listed(ask, tmp_path: Path) -> None:
    assert ask("GET", "/alerts").json() == {
        "alerts": [], "total": 0, "evaluated_at": None, "rules_problem": None, "to_notify": 0,
    }  # fmt: skip
    evolution_is_down(tmp_path / "dean")

    found = ask("GET", "/alerts").json()

    assert [(one["alert"], one["service"], one["state"]) for one in found["alerts"]] == [
        ("Down", "evolution", "firing")
    ]
    assert found["to_notify"] == 1
    assert ask("GET", "/alerts", params={"state": "resolved"}).json()["total"] == 0
    assert ask("GET", "/alerts", params={"state": "ended"}).status_code == 422


def test_a_store_that_fails_is_503(ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("this is no database, and long enough to be seen as none" * 20)
    monkeypatch.setenv("AIRFLOW__DEAN__STORE", f"sqlite:///{tmp_path / 'broken.db'}")

    answer = ask("GET", "/alerts")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "The store does not answer; try again later."
