"""Services to call: real HTTP on ephemeral ports, answering what a test tells them to."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.pool import ServicePool
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, postgres_schema

from ...loop_watch import watched
from .scripted import Scripted

QUICK = RetryPolicy(first=0.005, longest=0.02)
"""The rules of retrying, without their pauses."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    """Whatever a test here runs, no coroutine of ours may block its event loop."""
    with watched() as found:
        yield
    assert found == []


@pytest.fixture
async def service() -> AsyncIterator[Scripted]:
    async with Scripted() as service:
        yield service


@pytest.fixture
async def evolution(service: Scripted) -> ServiceEndpoint:
    return ServiceEndpoint("evolution", "evolution", service.url, timeout=5)


@pytest.fixture
async def pool(evolution: ServiceEndpoint) -> AsyncIterator[ServicePool]:
    async with ServicePool([evolution], retry=QUICK) as pool:
        yield pool


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "dean.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest, migrated_store: Path, tmp_path: Path) -> Iterator[str]:
    """A migrated store's: on SQLite, and on PostgreSQL too where DEAN_TEST_POSTGRES holds the URL of a database."""
    if request.param == "sqlite":
        shutil.copy(migrated_store, tmp_path / "dean.db")
        yield f"sqlite:///{tmp_path / 'dean.db'}"
        return
    with postgres_schema() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.open(store_url) as store:
        yield store
