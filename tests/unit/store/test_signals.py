"""Waiting for what others write."""

from __future__ import annotations

import threading
import time

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.store.signals import EVERYTHING, Signals
from dean_airflow.store.store import Store

LONG = 30.0
"""Seconds that no wait here is to take: whatever it is waited for comes."""


@pytest.fixture
def signals(store):
    signals = Signals(store.database)
    yield signals
    signals.close()


@pytest.fixture
def other(store, url, clock):
    with Store.open(url, now=clock) as other:
        yield other


def heard(signals: Signals, *topics: str) -> bool:
    """Whether all of the topics are heard of; on SQLite that something is."""
    missing = set(topics)
    deadline = time.monotonic() + LONG
    while missing and time.monotonic() < deadline:
        found = signals.wait(1.0)
        if found == EVERYTHING:
            return True
        missing -= found
    return not missing


def test_at_first_anything_may_have_changed(signals):
    assert signals.wait(LONG) == EVERYTHING
    assert signals.wait(0.0) == frozenset()


def test_what_another_process_writes_is_heard(signals, other):
    signals.wait(LONG)
    other.trials.create("trial-a", {"repository": "r"})

    assert heard(signals, "trials", "trial:trial-a")


def test_what_comes_while_it_waits_ends_the_wait(signals, other, trial_id):
    signals.wait(LONG)
    found = []
    waiting = threading.Thread(target=lambda: found.append(signals.wait(LONG)))
    waiting.start()
    other.events.append("trial-a", "generation", {})
    waiting.join(LONG)

    assert found in ([EVERYTHING], [frozenset({"trial:trial-a"})])


def test_evaluations_are_heard(signals, other, lease, numbered):
    signals.wait(LONG)
    other.evaluations.add(lease, [numbered(0)])

    assert heard(signals, "trial:trial-a")


def test_samples_are_heard(signals, other, clock):
    from dean_airflow.metrics.history import History
    from dean_airflow.metrics.sample import Sample, to_ms

    signals.wait(LONG)
    History(other).append([Sample("shop", "count", 1.0, to_ms(clock()), ())])

    assert heard(signals, "metrics")


def test_whoever_waits_can_be_woken(signals):
    signals.wait(LONG)
    waiting = threading.Thread(target=signals.wait, args=(100 * LONG,), daemon=True)
    waiting.start()
    signals.wake()
    waiting.join(LONG)

    assert not waiting.is_alive()


def test_after_a_pause_anything_may_have_changed(signals):
    signals.wait(LONG)
    signals.leave()

    assert signals.wait(LONG) == EVERYTHING


def test_a_database_that_is_away_is_an_error_and_found_again(tmp_path):
    path = tmp_path / "there" / "dean.db"
    with Store.open(f"sqlite:///{path}") as store:
        signals = Signals(store.database)
        path.parent.rename(tmp_path / "away")
        store.close()
        with pytest.raises(StoreError):
            signals.wait(LONG)
        (tmp_path / "away").rename(path.parent)

        assert signals.wait(LONG) == EVERYTHING
        signals.close()
