"""Every test with a store runs on SQLite, and on PostgreSQL too when DEAN_TEST_POSTGRES holds a database's URL."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from dean_airflow.metrics.history import History
from dean_airflow.store.models import Base
from dean_airflow.store.store import Store

BACKENDS = [pytest.param("sqlite")]
if os.environ.get("DEAN_TEST_POSTGRES"):
    BACKENDS.append(pytest.param("postgres", marks=pytest.mark.postgres))

EMPTIED = ("dean_chunks", "dean_samples", "dean_series", "dean_tallies", "dean_trials")


class Clock:
    """The store's time in a test: stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **duration: float) -> None:
        self.time += timedelta(**duration)


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
    base = make_url(os.environ["DEAN_TEST_POSTGRES"]).set(drivername="postgresql+psycopg2")
    schema = f"dean_test_{secrets.token_hex(6)}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield base.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


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
