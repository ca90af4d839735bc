"""Rules, samples and evaluations for the tests of alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from dean_airflow.metrics.alerts.engine import Evaluation, evaluate
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.history import History
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, labels_of, to_ms
from dean_airflow.store.store import Store

RULES = """
groups:
  - name: services
    rules:
      - {alert: Down, metric: up, below: 1, severity: critical, message: "{service} is down"}
      - {alert: Degraded, metric: degraded, above: 0, severity: warning, message: "{service} is degraded"}
"""


def rules_of_text(text: str) -> RuleSet:
    parsed = parse_rules(text)
    assert parsed.problems == []
    assert parsed.rules is not None
    return parsed.rules


class Watchman:
    """Collects a sample of each given value and evaluates, minute after minute."""

    def __init__(self, store: Store, clock, rules: RuleSet, history: MemoryHistory | History) -> None:
        self.store, self.clock, self.rules, self.history = store, clock, rules, history

    def collect(self, metric: str = "up", *, labels: dict[str, str] | None = None, **values: float | None) -> None:
        now = to_ms(self.clock())
        self.history.append(
            Sample(service, metric, value, now, labels_of(labels or {}))
            for service, value in values.items()
            if value is not None
        )

    def evaluate(self, **values: float | None) -> Evaluation:
        self.collect(**values)
        if isinstance(self.history, History):
            self.history.roll_up(self.clock())
        return evaluate(self.store, self.rules, self.clock(), reader=self.history)

    def minute(self, **values: float | None) -> Evaluation:
        self.clock.move(minutes=1)
        return self.evaluate(**values)

    def states(self) -> dict[str, str]:
        found = self.store.alerts.list(("pending", "firing", "resolved"))
        return {f"{alert.rule} {alert.labels.get('service', '')}".strip(): alert.state for alert in found}

    def said(self) -> list[str]:
        """What has been put in a notice so far, oldest first."""
        found = sorted(
            self.store.notices.recent(10_000), key=lambda notice: (notice.created_at, notice.alert["service"])
        )
        return [f"{notice.alert['service']} {notice.state}" for notice in found]


@pytest.fixture
def watchman(store: Store, clock) -> Callable[..., Watchman]:
    def make(rules: str = RULES, *, keep: bool = False) -> Watchman:
        """With `keep` samples go to the store, as they do in the collector's task."""
        return Watchman(store, clock, rules_of_text(rules), History(store) if keep else MemoryHistory())

    return make


MINUTE = timedelta(minutes=1)
