"""A started web server, its store, and a browser."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from dean_airflow.store.store import Store
from tests.integration.evolution_workflow.airflow_stack import AirflowStack

from .servers import Server, store_url

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def new_stack(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AirflowStack]:
    """Makes an Airflow that is not started yet."""

    def make(**environment: str) -> AirflowStack:
        return AirflowStack(tmp_path_factory.mktemp("airflow"), airflow_home, **environment)

    return make


@pytest.fixture(scope="package")
def server(new_stack: Callable[..., AirflowStack]) -> Iterator[Server]:
    """A web server for all tests here; whoever kills it starts it again."""
    server = Server(new_stack(AIRFLOW__DEAN__SERVER_SOCKETS_PER_USER="6"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="package")
def store(server: Server) -> Iterator[Store]:
    with Store.open(store_url(server.stack)) as store:
        yield store


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A schema of its own in the database that DEAN_TEST_POSTGRES names."""
    if not os.environ.get("DEAN_TEST_POSTGRES"):
        pytest.skip("needs the URL of a PostgreSQL database in DEAN_TEST_POSTGRES")
    base = make_url(os.environ["DEAN_TEST_POSTGRES"]).set(drivername="postgresql+psycopg2")
    schema = f"dean_test_{secrets.token_hex(6)}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield base.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(scope="module")  # a loop of its own runs as long as it does, and lets no other run beside it
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
