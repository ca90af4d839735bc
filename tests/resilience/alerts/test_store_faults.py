"""Alerts while the store is locked or its disk is full: said in a sentence, nothing half kept, and on it goes."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.metrics.alerts.engine import evaluate
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, labels_of, to_ms
from dean_airflow.store.store import Store
from tests.resilience.disks import fill

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
RULES = parse_rules("groups: [{name: g, rules: [{alert: Down, metric: up, below: 1}]}]").rules
assert isinstance(RULES, RuleSet)


def samples(count: int, value: float, now: datetime) -> MemoryHistory:
    history = MemoryHistory()
    history.append(Sample("a", "up", value, to_ms(now), labels_of({"n": "x" * 200 + str(n)})) for n in range(count))
    return history


def test_a_locked_store_fails_in_a_sentence_and_the_next_evaluation_catches_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("dean_airflow.store.database.BUSY_SECONDS", 0.1)
    path = tmp_path / "dean.db"
    with Store.open(f"sqlite:///{path}", now=lambda: NOON, patience=0.3) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="stayed locked by another process"):
            evaluate(store, RULES, NOON, reader=samples(1, 0, NOON))
        other.execute("ROLLBACK")
        other.close()
        assert store.alerts.list() == []
        assert store.notices.count_open() == 0

        done = evaluate(store, RULES, NOON, reader=samples(1, 0, NOON))

        assert (len(done.changes), done.to_notify) == (1, 1)


def test_a_full_disk_fails_in_a_sentence_and_loses_no_change(small_disk: Path) -> None:
    with Store.open(f"sqlite:///{small_disk}/dean.db", now=lambda: NOON, patience=1) as store:
        evaluate(store, RULES, NOON, reader=samples(1, 0, NOON))
        ballast = fill(small_disk)
        later = NOON + timedelta(minutes=1)
        with pytest.raises(StoreError, match="is full; free some space"):
            evaluate(store, RULES, later, reader=samples(500, 0, later))
        assert [alert.state for alert in store.alerts.list()] == ["firing"]
        assert store.notices.count_open() == 1

        ballast.unlink()

        done = evaluate(store, RULES, later, reader=samples(500, 0, later))
        assert len(done.changes) == 499
        assert (done.firing, done.to_notify) == (500, 500)
