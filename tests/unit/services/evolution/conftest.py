from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'dean.db'}") as store:
        yield store


@pytest.fixture
def trial(store: Store) -> str:
    """A running trial."""
    store.trials.create("trial-a", {"repository": "/srv/one", "generations": 5, "population_size": 20})
    store.trials.transition("trial-a", "initializing")
    store.trials.transition("trial-a", "running")
    return "trial-a"
