"""Receivers as Airflow has them: connections, Airflow notifiers, and DEAN's own notifier for other DAGs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.metrics.alerts.delivery import DeliveryError
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.alert_notices import Notice
from dean_airflow.testing.alert_webhook import AlertWebhook, alert_webhook

pytestmark = pytest.mark.airflow

NOTICE = Notice(
    key="k-firing-1",
    batch="b",
    fingerprint="f",
    state="firing",
    group_labels={"alertname": "Down"},
    alert={
        "alert": "Down",
        "service": "a",
        "severity": "critical",
        "message": "a is down",
        "labels": {"alertname": "Down", "service": "a"},
        "starts_at": "2030-01-01T00:00:00+00:00",
        "ends_at": None,
    },
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
)


@pytest.fixture
def pool() -> Iterator[SyncServicePool]:
    with SyncServicePool(ServicePool) as pool:
        yield pool


@pytest.fixture
def webhook() -> Iterator[AlertWebhook]:
    with alert_webhook() as webhook:
        yield webhook


@pytest.fixture
def notifier_module(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with a notifier that keeps what it was called with, and one that fails."""
    from airflow.sdk import BaseNotifier

    module = ModuleType("a_users_notifiers")

    class Keeps(BaseNotifier):
        template_fields = ("text",)
        kept: list[str] = []  # noqa: RUF012

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def notify(self, context: Any) -> None:
            self.kept.append(self.text)

    class Fails(BaseNotifier):
        def notify(self, context: Any) -> None:
            raise OSError("no route to https://me:s3cret@mail")

    module.Keeps, module.Fails = Keeps, Fails
    monkeypatch.setitem(sys.modules, "a_users_notifiers", module)
    return module


def receiver_of(pool: SyncServicePool, **spec: Any) -> Any:
    from dean_airflow.notifications.receivers import receivers

    (receiver,) = receivers(Settings(alert_receivers=[{"name": "ops", **spec}]), pool, {"run_id": "r1"})
    return receiver


def test_a_notifiers_templates_have_the_alerts(pool, notifier_module) -> None:
    text = "{{ status }} {{ alert.service }} {{ alerts | length }} {{ run_id }}: {{ message }}"

    receiver_of(pool, notifier="a_users_notifiers.Keeps", kwargs={"text": text}).send([NOTICE])

    assert notifier_module.Keeps.kept == ["firing a 1 r1: FIRING critical Down: a is down"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"notifier": "a_users_notifiers.Fails"}, "The notifier of ops failed: OSError: no route"),
        ({"notifier": "a_users_notifiers.Nothing"}, "cannot be made: AttributeError"),
        ({"notifier": "a_users_notifiers.Keeps"}, "cannot be made: TypeError"),
        ({"notifier": "json.JSONDecoder"}, "is no Airflow notifier"),
        ({"notifier": "nowhere"}, "cannot be made"),
        ({"connection": "no_such_connection"}, "There is no connection no_such_connection, which receiver ops names."),
    ],
)
def test_a_receiver_that_cannot_be_had_fails_alone_and_in_a_sentence(pool, notifier_module, spec, said) -> None:
    with pytest.raises(DeliveryError, match=said) as raised:
        receiver_of(pool, **spec).send([NOTICE])

    assert "s3cret" not in str(raised.value)


def test_a_connection_keeps_the_address_and_the_token(airflow_home, pool, webhook, monkeypatch) -> None:
    host, _, port = webhook.url.removeprefix("http://").removesuffix("/hook").partition(":")
    connection = {"conn_type": "http", "host": host, "port": int(port), "password": "t0ken", "extra": {"path": "/hook"}}
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(connection))

    receiver_of(pool, connection="pager").send([NOTICE])

    (request,) = webhook.requests
    assert (request.path, request.headers["authorization"]) == ("/hook", "Bearer t0ken")


@pytest.mark.parametrize("way", ["notify", "async_notify"])
def test_deans_notifier_tells_the_receivers_of_a_failed_task(airflow_home, webhook, monkeypatch, tmp_path, way) -> None:
    from dean_airflow.notifications.alert import AlertNotifier

    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    spec = [{"name": "ops", "webhook": webhook.url}, {"name": "other", "webhook": webhook.url, "match": {"x": "y"}}]
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RECEIVERS", json.dumps(spec))
    ti = SimpleNamespace(dag_id="nightly", task_id="load", run_id="r1", try_number=2)
    context = {"ti": ti, "what": "disk"}
    notifier = AlertNotifier(message="{{ what }} full", severity="critical", labels={"team": "data"}, context=context)

    if way == "notify":
        notifier(context)
    else:
        asyncio.run(_awaited(notifier))

    (body,) = webhook.bodies
    (alert,) = body["alerts"]
    assert alert["annotations"] == {"message": "disk full"}
    assert alert["labels"] == {
        "alertname": "AirflowTaskFailed", "severity": "critical", "team": "data",
        "dag_id": "nightly", "task_id": "load", "run_id": "r1",
    }  # fmt: skip


def test_deans_notifier_says_whom_it_could_not_tell(airflow_home, webhook, monkeypatch, tmp_path) -> None:
    from dean_airflow.notifications.alert import AlertNotifier

    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    spec = [{"name": "dead", "webhook": webhook.url}, {"name": "ops", "webhook": webhook.url}]
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RECEIVERS", json.dumps(spec))
    webhook.status = 500

    with pytest.raises(DeliveryError, match=r"of dead answered 500\. .* of ops answered 500\."):
        AlertNotifier(message="x").notify({})


async def _awaited(notifier: Any) -> None:
    await notifier
