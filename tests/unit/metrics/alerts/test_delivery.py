"""Telling receivers over real HTTP: everything once, in order, and what failed again later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dean_airflow.alert_receivers import AlertReceiver
from dean_airflow.metrics.alerts.delivery import DeliveryError, deliver
from dean_airflow.metrics.alerts.webhook import WebhookReceiver
from dean_airflow.services.credentials import BearerToken
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.testing.alert_webhook import AlertWebhook, alert_webhook


@pytest.fixture(scope="module")
def pool() -> Iterator[SyncServicePool]:
    with SyncServicePool(ServicePool) as pool:
        yield pool


@pytest.fixture
def webhook() -> Iterator[AlertWebhook]:
    with alert_webhook() as webhook:
        yield webhook


@pytest.fixture
def receiver(webhook: AlertWebhook, pool: SyncServicePool) -> Callable[..., WebhookReceiver]:
    def make(name: str = "ops", **spec: Any) -> WebhookReceiver:
        given = AlertReceiver(name=name, webhook=spec.pop("webhook", webhook.url), **spec)
        return WebhookReceiver(given, str(given.webhook), pool, credential=BearerToken("s3cret"))

    return make


def test_the_body_is_alertmanagers(watchman, webhook, receiver):
    watch = watchman()
    watch.minute(a=0, b=0)
    fired = watch.clock()

    done = deliver(watch.store, [receiver()], "run-1")

    assert (done.told, done.failed) == ({"ops": 2}, {})
    (request,) = webhook.requests
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer s3cret"
    body = request.json
    alerts = body.pop("alerts")
    assert body == {
        "version": "4",
        "groupKey": '{}:{alertname="Down"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "",
    }
    first = min(alerts, key=lambda alert: alert["labels"]["service"])
    assert first == {
        "status": "firing",
        "labels": {"alertname": "Down", "severity": "critical", "service": "a"},
        "annotations": {"message": "a is down"},
        "startsAt": fired.isoformat().replace("+00:00", "Z"),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": first["fingerprint"],
    }

    watch.minute(a=1, b=0)
    deliver(watch.store, [receiver()], "run-2")
    (resolved,) = webhook.bodies[1]["alerts"]
    assert (resolved["status"], resolved["fingerprint"]) == ("resolved", first["fingerprint"])
    assert resolved["startsAt"] < resolved["endsAt"]


def test_nothing_is_told_twice(watchman, webhook, receiver):
    watch = watchman()
    watch.minute(a=0)
    for run in ("run-1", "run-1", "run-2"):
        deliver(watch.store, [receiver()], run)

    assert webhook.alerts == [("Down", "a", "firing")]
    assert watch.store.notices.count_open() == 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("status", "The webhook of ops answered 503."),
        ("silent", "The webhook of ops gave no answer within 0.2 s."),
        ("gone", "The webhook of ops cannot be reached; check its address."),
    ],
)
def test_a_receiver_that_fails_is_told_later_and_holds_up_nobody(watchman, webhook, receiver, trouble, said):
    watch = watchman()
    watch.minute(a=0)
    webhook.status, webhook.silent = (503 if trouble == "status" else 200), trouble == "silent"
    with alert_webhook() as other, alert_webhook() as gone:
        nowhere = gone.url
    with alert_webhook() as other:
        troubled = receiver(timeout=0.2, webhook=nowhere if trouble == "gone" else webhook.url)
        both = [troubled, receiver("other", webhook=other.url)]

        done = deliver(watch.store, both, "run-1")
        assert done.failed == {"ops": said}
        assert done.told == {"other": 1}
        assert watch.store.notices.count_open() == 1
        watch.minute(a=1)
        webhook.release()
        webhook.status, webhook.silent = 200, False

        done = deliver(watch.store, [receiver(), both[1]], "run-2")

        assert done.failed == {}
        assert webhook.alerts == [("Down", "a", "firing"), ("Down", "a", "resolved")]
        assert other.alerts == [("Down", "a", "firing"), ("Down", "a", "resolved")]
    assert watch.store.notices.count_open() == 0


def test_the_same_notices_have_the_same_key_however_often_they_are_sent(watchman, webhook, receiver, monkeypatch):
    watch = watchman()
    watch.minute(a=0, b=0)
    monkeypatch.setattr(watch.store.notices, "record", lambda *_, **__: None)  # killed before it is remembered
    deliver(watch.store, [receiver()], "run-1")
    monkeypatch.undo()
    watch.minute(a=0, b=0, c=0)

    deliver(watch.store, [receiver()], "run-1")

    keys = [request.headers["idempotency-key"] for request in webhook.requests]
    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2]


def test_a_receiver_gets_what_it_wants_only(watchman, webhook, receiver):
    watch = watchman()
    picky = receiver(match={"service": "b"}, resolved=False)
    watch.minute(a=0, b=0)
    watch.minute(a=1, b=1)

    deliver(watch.store, [picky], "run-1")

    assert webhook.alerts == [("Down", "b", "firing")]
    assert watch.store.notices.count_open() == 0


def test_without_receivers_notices_are_closed(watchman):
    watch = watchman()
    watch.minute(a=0)

    deliver(watch.store, [], "run-1")

    assert watch.store.notices.count_open() == 0


def test_what_nobody_could_be_told_for_a_day_is_given_up(watchman, webhook, receiver):
    watch = watchman()
    watch.minute(a=0)
    webhook.status = 500
    watch.clock.move(hours=25)

    done = deliver(watch.store, [receiver()], "run-1")

    assert done.given_up == 1
    assert watch.store.notices.count_open() == 0


def test_a_secret_in_an_address_is_never_said(watchman, webhook, receiver):
    with alert_webhook() as gone:
        pass
    with pytest.raises(DeliveryError) as raised:
        receiver(webhook=gone.url + "/T0K3N").send(_notices(watchman()))

    assert "T0K3N" not in str(raised.value)


def _notices(watch):
    watch.minute(a=0)
    return watch.store.notices.open()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "x"}, "exactly one of"),
        ({"name": "x", "webhook": "https://h/p", "notifier": "a.B"}, "exactly one of"),
        ({"name": "x", "webhook": "ftp://h"}, "address"),
        ({"name": "x", "webhook": "https://me:pw@h"}, "no login"),
        ({"name": "x", "webhook": "https://h", "kwargs": {"a": 1}}, "kwargs"),
        ({"name": "asset", "webhook": "https://h"}, "taken"),
        ({"webhook": "https://h"}, "name"),
    ],
)
def test_receivers_that_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AlertReceiver(**given)


def test_what_is_shown_of_a_receiver_holds_no_secret() -> None:
    shown = [
        AlertReceiver(name="a", webhook="https://host/T0K3N?x=T0K3N").public(),
        AlertReceiver(name="b", notifier="m.N", kwargs={"token": "T0K3N"}).public(),
    ]

    assert "T0K3N" not in str(shown)
    assert shown[0]["webhook"] == "https://host/***"
