"""Real stores for what reads them: SQLite, and PostgreSQL when DEAN_TEST_POSTGRES holds the URL of a database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from dean_airflow.store.leases import Lease
from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import evaluation, open_trial

BACKENDS = [pytest.param("sqlite")]
if os.environ.get("DEAN_TEST_POSTGRES"):
    BACKENDS.append(pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        with Store.open(f"sqlite:///{tmp_path / 'dean.db'}", patience=1.0) as store:
            yield store
        return
    base = make_url(os.environ["DEAN_TEST_POSTGRES"]).set(drivername="postgresql+psycopg2")
    schema = f"dean_test_{secrets.token_hex(6)}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        url = base.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        with Store.open(url, patience=1.0) as store:
            yield store
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


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
