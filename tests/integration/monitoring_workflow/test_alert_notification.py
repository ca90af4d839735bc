"""`dean_metrics_collection` tells a real webhook and an Airflow notifier: once, and again where they were not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.store.store import Store
from dean_airflow.testing.alert_webhook import AlertWebhook, alert_webhook
from dean_airflow.testing.services import StubServices

pytestmark = pytest.mark.airflow

DAG = "dean_metrics_collection"
NOTIFIER = """
from pathlib import Path
from airflow.sdk import BaseNotifier

class ToFile(BaseNotifier):
    template_fields = ("line",)

    def __init__(self, path, line):
        super().__init__()
        self.path, self.line = Path(path), line

    def notify(self, context):
        with self.path.open("a") as file:
            file.write(self.line + "\\n")
"""

RunDag = Callable[[str], dict[str, str]]


@pytest.fixture
def webhook() -> Iterator[AlertWebhook]:
    with alert_webhook() as webhook:
        yield webhook


@pytest.fixture
def told_lines(tmp_path: Path, webhook: AlertWebhook, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Configures the webhook and a notifier; answers what the notifier has written."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "to_file.py").write_text(NOTIFIER)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    line = "{{ status }} {{ alert.service }} in {{ dag_run.dag_id }}"
    receivers = [
        {"name": "pager", "webhook": webhook.url, "timeout": 5},
        {"name": "file", "notifier": "to_file.ToFile", "kwargs": {"path": str(tmp_path / "told"), "line": line}},
    ]
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RECEIVERS", json.dumps(receivers))
    return lambda: (tmp_path / "told").read_text().splitlines() if (tmp_path / "told").exists() else []


def test_a_service_that_dies_and_comes_back_is_one_alert_that_is_told_twice(
    installation: Store, run_dag: RunDag, stub_services: StubServices, webhook: AlertWebhook, told_lines
) -> None:
    stub_services.kill(stub_services.evolution)
    run_dag(DAG)
    run_dag(DAG)
    stub_services.revive(stub_services.evolution)
    run_dag(DAG)

    assert webhook.alerts == [("ServiceDown", "evolution", "firing"), ("ServiceDown", "evolution", "resolved")]
    first, second = (body["alerts"][0] for body in webhook.bodies)
    assert first["fingerprint"] == second["fingerprint"]
    assert first["startsAt"] == second["startsAt"] < second["endsAt"]
    assert told_lines() == [f"firing evolution in {DAG}", f"resolved evolution in {DAG}"]
    (alert,) = installation.alerts.list(("pending", "firing", "resolved"))
    assert alert.state == "resolved"


@pytest.mark.slow
def test_a_webhook_that_is_down_is_told_when_it_is_back(
    installation: Store,
    run_dag: RunDag,
    asset_events: Callable[[], list[dict[str, Any]]],
    stub_services: StubServices,
    webhook: AlertWebhook,
    told_lines,
) -> None:
    before = len(asset_events())
    webhook.status = 503
    stub_services.kill(stub_services.evolution)

    assert run_dag(DAG) == {"collect": "success", "notify": "success"}  # the asset and the notifier were told
    assert told_lines() == [f"firing evolution in {DAG}"]
    with pytest.raises(AssertionError, match="DagRun failed"):  # nothing else to do: now it is to be seen
        run_dag(DAG)
    webhook.status = 200
    assert run_dag(DAG) == {"collect": "success", "notify": "success"}

    assert webhook.alerts == [("ServiceDown", "evolution", "firing")]
    assert told_lines() == [f"firing evolution in {DAG}"]
    assert [alert["state"] for alert in asset_events()[before:]] == ["firing"]
    assert run_dag(DAG)["notify"] == "skipped"


def test_a_silence_keeps_it_quiet_until_it_ends(
    installation: Store, run_dag: RunDag, stub_services: StubServices, webhook: AlertWebhook, told_lines
) -> None:
    silence = installation.silences.add({"service": "evolution"}, timedelta(hours=1), "maintenance", "me")
    stub_services.kill(stub_services.evolution)

    assert run_dag(DAG)["notify"] == "skipped"
    assert webhook.alerts == []
    installation.silences.end(silence.id)
    run_dag(DAG)

    assert webhook.alerts == [("ServiceDown", "evolution", "firing")]
