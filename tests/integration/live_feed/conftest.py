"""A started web server, its store, and a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.store.store import Store
from tests.databases import postgres_schema
from tests.integration.browser.chromium import chromium, find_chromium
from tests.integration.evolution_workflow.airflow_stack import AirflowStack

from .servers import Server, store_url


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
    with postgres_schema() as url:
        yield url


@pytest.fixture(scope="module")  # a loop of its own runs as long as it does, and lets no other run beside it
def browser() -> Iterator[Any]:
    if find_chromium() is None:
        pytest.skip("there is no Chromium: CHROMIUM names none, and none is on the PATH")
    with chromium() as launched:
        yield launched
