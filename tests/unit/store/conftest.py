"""Every test here runs on SQLite, and on PostgreSQL too when DEAN_TEST_POSTGRES holds the URL of a database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, Clock, postgres_schema

TTL = timedelta(seconds=30)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'dean.db'}"
        return
    with postgres_schema() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store with its tables, to copy: making them anew for each test takes longer than the tests."""
    path = tmp_path_factory.mktemp("template") / "dean.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def url(empty_url: str, migrated_file: Path) -> str:
    if empty_url.startswith("sqlite"):
        shutil.copy(migrated_file, empty_url.removeprefix("sqlite:///"))
    return empty_url


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[Store]:
    with Store.open(url, now=clock) as store:
        yield store


@pytest.fixture
def trial_id(store: Store) -> str:
    """A running trial."""
    store.trials.create("trial-a", {"repository": "somewhere"})
    store.trials.transition("trial-a", "initializing")
    store.trials.transition("trial-a", "running")
    return "trial-a"


@pytest.fixture
def lease(store: Store, trial_id: str) -> Lease:
    return store.leases.acquire(trial_id, 0, "task", TTL)


@pytest.fixture
def other_lease(store: Store, trial_id: str) -> Lease:
    return store.leases.acquire(trial_id, 1, "other task", TTL)


@pytest.fixture
def numbered() -> Callable[..., NumberedEvaluation]:
    """Makes the evaluation of one sequence number; two of the same number are equal."""

    def make(sequence: int, fitness: float = 0.25, generation: int = 0, key: str | None = None) -> NumberedEvaluation:
        return NumberedEvaluation(
            sequence,
            generation,
            Evaluation(
                key=key or f"digest-{sequence}",
                genome=(f"catalogue.hoist pkg/mod.py::work#{sequence}",),
                verdict="win",
                stage="cost",
                fitness=fitness,
                cost=1.0 - fitness,
                ratios={"runtime": 1.0 - fitness},
                pairs=3,
                seconds=0.125,
                log_ratios=(-0.1, -0.30000000000000004, -0.2),
                details={"order": [sequence]},
            ),
        )

    return make
