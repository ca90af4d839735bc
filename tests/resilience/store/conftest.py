"""Faults are caused here on real stores: an SQLite file, and PostgreSQL when DEAN_TEST_POSTGRES names a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, postgres_schema


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'dean.db'}"
        return
    with postgres_schema() as url:
        yield url


@pytest.fixture
def start() -> Callable[[Store], Lease]:
    """Starts a trial in a store and takes the lease of its island 0, for the task `task`."""

    def make(store: Store) -> Lease:
        store.trials.create("trial-a", {"repository": "somewhere"})
        store.trials.transition("trial-a", "initializing")
        store.trials.transition("trial-a", "running")
        return store.leases.acquire("trial-a", 0, "task", timedelta(seconds=30))

    return make


@pytest.fixture
def batch() -> Callable[..., Sequence[NumberedEvaluation]]:
    """Makes `size` evaluations from a sequence number on, each some kilobytes long."""

    def make(first: int, size: int = 8) -> Sequence[NumberedEvaluation]:
        return [
            NumberedEvaluation(
                number,
                number // 20,
                Evaluation(
                    f"digest-{number}", ("edit " * 50,), "neutral", "cost", log_ratios=tuple(map(float, range(200)))
                ),
            )
            for number in range(first, first + size)
        ]

    return make
