"""What an engine writes of its trial while it runs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from dean_airflow.metrics import trials
from dean_airflow.metrics.names import METRICS
from dean_airflow.metrics.sample import is_stale
from dean_airflow.metrics.trials import IslandFigures, IslandMetrics, trial_ended


def read(history, clock, name=None):
    return history.select(
        name, service="trial", start=clock.time - timedelta(hours=1), end=clock.time + timedelta(hours=1)
    )


def figures(judged: int) -> IslandFigures:
    return IslandFigures(Counter(win=1, worse=judged - 1), 3, judged / 2, 1, 0.25, 0.75)


def test_an_island_writes_at_each_generation_and_within_long_ones(store, history, clock, monkeypatch):
    metrics = IslandMetrics(store, "trial-a", 0, pytest.fail)
    metrics.candidate(lambda: pytest.fail("too soon"))
    metrics.generation(0, 0.1, 0.5, figures(10))
    clock.move(seconds=20)
    monkeypatch.setattr(trials, "EVERY", 0.0)
    metrics.candidate(lambda: figures(14))
    clock.move(seconds=20)
    metrics.generation(1, 0.2, 0.4, figures(20))

    judged = {dict(one.labels)["verdict"]: one for one in read(history, clock, "dean_trial_candidates_total")}
    assert [value for _, value in judged["worse"].points] == [9, 13, 19]
    assert judged["worse"].type == "counter"
    assert dict(judged["win"].labels) == {"trial_id": "trial-a", "island": "0", "verdict": "win"}
    (diversity,) = read(history, clock, "dean_trial_diversity")
    assert [value for _, value in diversity.points] == [0.5, 0.5, 0.4]
    (rate,) = read(history, clock, "dean_trial_candidates_per_second")
    assert rate.points[0][1] == 2.0


def test_what_is_only_true_of_a_running_island_ends_with_it(store, history, clock):
    metrics = IslandMetrics(store, "trial-a", 0, pytest.fail)
    metrics.generation(0, 0.1, 0.5, figures(10))
    metrics.ended()
    ended = {series.name for series in read(history, clock) if is_stale(series.points[-1][1])}
    assert ended == {"dean_trial_mean_fitness", "dean_trial_diversity", "dean_trial_candidates_per_second"}


def test_a_trial_says_whether_it_was_confirmed_and_how_long_it_took(store, history, clock):
    trial_ended(store, "trial-a", confirmed=True, seconds=61.5, say=pytest.fail)
    assert {series.name: series.points[0][1] for series in read(history, clock)} == {
        "dean_trial_confirmed": 1.0,
        "dean_trial_duration_seconds": 61.5,
    }


def test_every_sample_is_declared(store, history, clock):
    metrics = IslandMetrics(store, "trial-a", 0, pytest.fail)
    metrics.generation(0, 0.1, 0.5, figures(10))
    trial_ended(store, "trial-a", confirmed=False, seconds=1, say=pytest.fail)
    found = read(history, clock)
    assert {series.name for series in found} == {name for name in METRICS if name.startswith("dean_trial_")}
    assert all({name for name, _ in series.labels} == set(METRICS[series.name].labels) for series in found)


def test_a_store_that_fails_costs_a_sentence_and_not_the_trial(tmp_path):
    from dean_airflow.store.store import Store

    said: list[str] = []
    with Store.open(f"sqlite:///{tmp_path / 'dean.db'}", patience=0.1) as store:
        metrics = IslandMetrics(store, "trial-a", 0, said.append)
        store.close()
        (tmp_path / "dean.db").write_bytes(b"no database at all" * 1000)
        for number in range(3):
            metrics.generation(number, 0.1, 0.5, figures(10))
    assert len(said) == 1
    assert said[0].startswith("Metrics of the trial could not be kept")
