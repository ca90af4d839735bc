"""The operators of alerts: what they answer, what they leave to a retry, and what the next attempt says again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dean_airflow.store.store import Store
from tests.unit.alerts_in_store import evolution_is_down

pytestmark = pytest.mark.airflow


class Events:
    """What a task announces through its outlets."""

    def __init__(self) -> None:
        self.extras: list[dict[str, Any]] = []

    def __getitem__(self, asset: Any) -> Events:
        return self

    def add(self, asset: Any, extra: dict[str, Any]) -> None:
        self.extras.append(extra)


@pytest.fixture
def data(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    (tmp_path / "dean").mkdir()
    return tmp_path / "dean"


def context(run_id: str) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(dag_id="d", run_id=run_id), "outlet_events": Events()}


def test_evaluating_answers_what_changed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dean_airflow.operators.alerts import EvaluateAlertsOperator

    evolution_is_down(data)
    (tmp_path / "rules.yaml").write_text("groups: 5\n")
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RULES", str(tmp_path / "rules.yaml"))

    answer = EvaluateAlertsOperator(task_id="evaluate").execute({})

    assert [(change["alert"], change["state"]) for change in answer["changes"]] == [("Down", "resolved")]  # no rule now
    assert (answer["to_notify"], answer["firing"]) == (2, 0)
    assert answer["warnings"] == [f"{tmp_path}/rules.yaml line 1: `groups` must be a list."]


def test_a_store_that_fails_is_left_to_a_retry_and_settings_are_not(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from dean_airflow.operators.alerts import EvaluateAlertsOperator, NotifyAlertsOperator

    (data / "dean.db").write_bytes(b"this is no database, and is long enough to be seen as none" * 20)
    for operator in (EvaluateAlertsOperator(task_id="e"), NotifyAlertsOperator(task_id="n")):
        with pytest.raises(AirflowException, match=r"dean\.db") as raised:
            operator.execute(context("r"))
        assert not isinstance(raised.value, AirflowFailException)

    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RECEIVERS", '[{"name": "x", "webhook": "https://me:s3cret@host"}]')
    with pytest.raises(AirflowFailException, match=r"alert_receivers\[0\]\.webhook") as raised:
        NotifyAlertsOperator(task_id="n").execute(context("r"))
    assert "s3cret" not in str(raised.value)


def test_an_attempt_that_died_before_its_success_is_made_good_by_its_retry_alone(data: Path) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from dean_airflow.operators.alerts import NotifyAlertsOperator

    evolution_is_down(data)
    notify = NotifyAlertsOperator(task_id="notify")
    first, again, other = context("run-1"), context("run-1"), context("run-2")

    notify.execute(first)  # and then it was killed
    notify.execute(again)
    with pytest.raises(AirflowSkipException):
        notify.execute(other)

    assert [extra["alerts"][0]["alert"] for extra in first["outlet_events"].extras] == ["Down"]
    assert again["outlet_events"].extras == first["outlet_events"].extras
    assert other["outlet_events"].extras == []
    with Store.open(f"sqlite:///{data / 'dean.db'}") as store:
        assert store.notices.count_open() == 0


def test_a_run_sees_the_newest_state_of_each_alert_that_started_it(airflow_home: Path) -> None:
    from dean_airflow.assets import ALERT
    from dean_airflow.operators.alerts import AlertsOfRunOperator

    def event(minute: int, *alerts: tuple[str, str]) -> SimpleNamespace:
        told = [{"fingerprint": fingerprint, "state": state} for fingerprint, state in alerts]
        return SimpleNamespace(
            timestamp=datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=minute), extra={"alerts": told}
        )

    events = [event(2, ("a", "resolved")), event(1, ("a", "firing"), ("b", "firing"))]

    found = AlertsOfRunOperator(task_id="alerts").execute({"triggering_asset_events": {ALERT: events}})

    assert sorted((alert["fingerprint"], alert["state"]) for alert in found) == [("a", "resolved"), ("b", "firing")]
