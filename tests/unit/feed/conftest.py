"""Real stores for what reads them: SQLite, and PostgreSQL when DEAN_TEST_POSTGRES holds the URL of a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, postgres_schema
from tests.integration.live_feed.servers import evaluation, open_trial


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        with Store.open(f"sqlite:///{tmp_path / 'dean.db'}", patience=1.0) as store:
            yield store
        return
    with postgres_schema() as url, Store.open(url, patience=1.0) as store:
        yield store


@pytest.fixture
def trial_id(store: Store) -> str:
    open_trial(store, "trial-a")
    return "trial-a"


@pytest.fixture
def judge(store: Store, trial_id: str) -> Callable[[int, int], None]:
    """Judges so many more candidates on an island."""
    leases: dict[int, Lease] = {}

    def judge(island: int, count: int) -> None:
        if island not in leases:
            leases[island] = store.leases.acquire(trial_id, island, "task", timedelta(minutes=5))
        first = store.evaluations.count(trial_id, island)
        store.evaluations.add(leases[island], [evaluation(number) for number in range(first, first + count)])

    return judge
