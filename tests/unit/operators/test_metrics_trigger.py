"""The metrics trigger, as a triggerer runs it."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path

import pytest

from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow

RULES = """
default_rules: false
groups:
  - name: services
    rules:
      - alert: ServiceDown
        metric: dean_service_health
        below: 1
        severity: critical
        message: "{service} is down"
"""


@pytest.fixture
def trigger(airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from dean_airflow.triggers.metrics import MetricsTrigger

    (tmp_path / "dean").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    monkeypatch.setenv("AIRFLOW__DEAN__ALERT_RULES", str(tmp_path / "rules.yaml"))
    return MetricsTrigger(interval=0.05)


def test_it_collects_until_an_alert_changes_and_tells_that_once(trigger, tmp_path, monkeypatch, stub_services) -> None:
    monkeypatch.setenv("AIRFLOW__DEAN__EVOLUTION_URL", stub_services.urls["evolution"])

    async def first_two():
        events = trigger.run()
        first = asyncio.ensure_future(anext(events))
        while not _collected(tmp_path):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert not first.done()
        await asyncio.to_thread(stub_services.kill, stub_services.evolution)
        told = [await first]
        await asyncio.to_thread(stub_services.revive, stub_services.evolution)
        told.append(await anext(events))
        await events.aclose()
        return told

    told = [event.payload["alerts"] for event in asyncio.run(asyncio.wait_for(first_two(), 60))]
    assert [[(alert["alert"], alert["state"]) for alert in alerts] for alerts in told] == [
        [("ServiceDown", "firing")],
        [("ServiceDown", "resolved")],
    ]


def _collected(tmp_path: Path) -> int:
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        return store.series.count("evolution")


def test_it_survives_its_way_to_the_triggerer(trigger) -> None:
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    assert getattr(import_module(module), name)(**arguments).serialize() == trigger.serialize()
