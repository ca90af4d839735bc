"""The databases that stores are tested on: an SQLite file, and PostgreSQL where DEAN_TEST_POSTGRES names a database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

BACKENDS = [pytest.param("sqlite")]
if os.environ.get("DEAN_TEST_POSTGRES"):
    BACKENDS.append(pytest.param("postgres", marks=pytest.mark.postgres))


class Clock:
    """The store's time in a test: stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **duration: float) -> None:
        self.time += timedelta(**duration)


@contextmanager
def postgres_schema() -> Iterator[str]:
    """The URL of a schema of its own in DEAN_TEST_POSTGRES' database, without tables; dropped afterwards."""
    base = make_url(os.environ["DEAN_TEST_POSTGRES"]).set(drivername="postgresql+psycopg2")
    schema = f"dean_test_{secrets.token_hex(6)}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield base.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()
