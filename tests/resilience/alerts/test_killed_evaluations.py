"""kill -9 of the process that evaluates alerts and tells of them: every change is told, and is known again when told
twice.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dean_airflow.alert_receivers import AlertReceiver
from dean_airflow.metrics.alerts.delivery import deliver
from dean_airflow.metrics.alerts.engine import evaluate
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.alerts.webhook import WebhookReceiver
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.store import Store
from dean_airflow.testing.alert_webhook import AlertWebhook, alert_webhook

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
KILLS = 15
ROUNDS = 60
RULES = parse_rules(
    "groups: [{name: g, rules: [{alert: Down, metric: up, below: 1, message: '{service} is down'}]}]"
).rules
assert isinstance(RULES, RuleSet)

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'dean.db'}"
    Store.open(url).close()
    return url


@pytest.fixture
def webhook() -> Iterator[AlertWebhook]:
    with alert_webhook() as webhook:
        yield webhook


def up(round_number: int, service: int) -> float:
    """Each service is down every few rounds, for a few rounds: never often enough within an hour to be flapping."""
    return float((round_number // 8 + service) % 3 != 0)


def go_on(url: str, address: str, stop_after: int, before_telling: Callable[[], None] | None = None) -> None:
    """Rounds of evaluating and telling, from where the store is; a round a minute."""
    history = MemoryHistory()
    now = BEGIN
    with Store.open(url, now=lambda: now) as store, SyncServicePool(ServicePool) as pool:
        receiver = WebhookReceiver(AlertReceiver(name="ops", webhook=address), address, pool)
        clock = store.alerts.clock()
        first = 0 if clock is None else int((clock.evaluated_at - BEGIN) / timedelta(minutes=1))
        for number in range(first, stop_after):
            now = BEGIN + timedelta(minutes=number)
            history.append(Sample(f"s{service}", "up", up(number, service), to_ms(now)) for service in range(3))
            evaluate(store, RULES, now, reader=history)
            if before_telling is not None:
                before_telling()
            deliver(store, [receiver], "run")


def expected() -> set[tuple[str, str, str]]:
    """Service, status and time of every change."""
    changes = set()
    for service in range(3):
        was = 1.0
        for number in range(ROUNDS):
            if up(number, service) != was:
                was = up(number, service)
                status = "resolved" if was else "firing"
                changes.add(
                    (f"s{service}", status, (BEGIN + timedelta(minutes=number)).isoformat().replace("+00:00", "Z"))
                )
    return changes


def told(webhook: AlertWebhook) -> list[tuple[str, str, str]]:
    return [
        (alert["labels"]["service"], alert["status"], alert["endsAt" if alert["status"] == "resolved" else "startsAt"])
        for body in webhook.bodies
        for alert in body["alerts"]
    ]


def test_every_change_is_told_however_often_the_process_is_killed(url: str, webhook: AlertWebhook) -> None:
    chance = random.Random(4)
    killed = 0
    for _ in range(KILLS):
        writer = FORK.Process(target=go_on, args=(url, webhook.url, ROUNDS))
        writer.start()
        writer.join(timeout=chance.uniform(0.01, 0.1))
        writer.kill()  # kill -9; on a fast machine the last ones may be done by then
        writer.join()
        killed += writer.exitcode == -signal.SIGKILL
    go_on(url, webhook.url, ROUNDS)

    assert killed >= 3
    assert set(told(webhook)) == expected()
    repeated = len(webhook.requests) - len({request.headers["idempotency-key"] for request in webhook.requests})
    assert repeated <= KILLS


def test_a_change_whose_process_died_before_telling_is_told_by_the_next(url: str, webhook: AlertWebhook) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    killed = FORK.Process(target=go_on, args=(url, webhook.url, 1, die))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert told(webhook) == []

    go_on(url, webhook.url, 1)

    assert told(webhook) == [("s0", "firing", "2030-01-01T00:00:00Z")]


def test_told_but_not_remembered_is_told_again_under_the_same_key(url: str, webhook: AlertWebhook) -> None:
    killed = FORK.Process(target=_tell_and_die, args=(url, webhook.url))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL

    go_on(url, webhook.url, 1)

    keys = [request.headers["idempotency-key"] for request in webhook.requests]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert webhook.bodies[0] == webhook.bodies[1]


def _tell_and_die(url: str, address: str) -> None:
    from dean_airflow.store import alert_notices

    alert_notices.Notices.record = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    go_on(url, address, 1)
