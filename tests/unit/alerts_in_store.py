"""An alert that fires, in a store, for the tests of what shows alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dean_airflow.metrics.alerts.engine import evaluate
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, to_ms
from dean_airflow.store.store import Store

RULES = 'groups: [{name: g, rules: [{alert: Down, metric: up, below: 1, message: "{service} is down"}]}]'


def evolution_is_down(data: Path) -> None:
    """In the SQLite store in the data directory `data`: the alert `Down` of the service evolution."""
    now = datetime.now(UTC)
    rules = parse_rules(RULES).rules
    assert rules is not None
    history = MemoryHistory()
    history.append([Sample("evolution", "up", 0, to_ms(now))])
    with Store.open(f"sqlite:///{data / 'dean.db'}") as store:
        evaluate(store, rules, now, reader=history)
