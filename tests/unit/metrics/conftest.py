"""Every test with a store runs on SQLite, and on PostgreSQL too when DEAN_TEST_POSTGRES holds a database's URL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from dean_airflow.metrics.history import History
from dean_airflow.store.models import Base
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, Clock, postgres_schema

EMPTIED = ("dean_chunks", "dean_samples", "dean_series", "dean_tallies", "dean_trials")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store with its tables, to copy."""
    path = tmp_path_factory.mktemp("template") / "dean.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A migrated store in a schema of its own, whose metrics and alerts are emptied between tests."""
    with postgres_schema() as url:
        yield url


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_store: Path) -> str:
    if request.param == "sqlite":
        shutil.copy(migrated_store, tmp_path / "dean.db")
        return f"sqlite:///{tmp_path / 'dean.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    with Store.open(store_url, now=clock) as store:
        yield store
        if store.database.is_sqlite:
            return
        kept = ", ".join(table for table in Base.metadata.tables if table.startswith("dean_alert") or table in EMPTIED)
        store.database.write(lambda session: session.execute(text(f"TRUNCATE {kept} CASCADE")))


@pytest.fixture
def history(store: Store) -> History:
    return History(store)
