"""The pytest plugin: fixtures for tests of whoever has dean-airflow installed.

pytest loads it in every session of every project beside it, so nothing is imported here until a fixture is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dean_airflow.store.store import Store
    from dean_airflow.testing.proxy import FaultProxy
    from dean_airflow.testing.services import StubServices


@pytest.fixture(scope="session")
def dean_stub_servers() -> Iterator[StubServices]:
    """The stubs, started once a session. Tests ask for `stub_services`, which is the same, reset."""
    from dean_airflow.testing.services import StubServices

    with StubServices() as services:
        yield services


@pytest.fixture
def stub_services(dean_stub_servers: StubServices) -> Iterator[StubServices]:
    """Stubs of IndexAgent, the Evolution API and Airflow on free ports, in a state that nobody has touched.

    `stub_services.urls`, `.endpoints()` and `.pool()` say how to reach them; `.evolution`, `.indexagent` and
    `.airflow` are the stubs, each with `faults`, `requests`, `scenario` and its state.
    """
    dean_stub_servers.reset()
    yield dean_stub_servers
    dean_stub_servers.reset()


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """`fault_proxy(url, seed=0)`: a TCP proxy before that URL, stopped when the test ends."""
    from dean_airflow.testing.proxy import FaultProxy

    with ExitStack() as proxies:

        def make(target: str, *, seed: int = 0) -> FaultProxy:
            return proxies.enter_context(FaultProxy(target, seed=seed))

        yield make


@pytest.fixture(scope="session")
def dean_migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store to copy: making the tables anew for each test takes longer than most tests."""
    from dean_airflow.store.store import Store

    path = tmp_path_factory.mktemp("dean-template") / "dean.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def dean_store(dean_migrated_store: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store of its own, in SQLite; closed and removed when the test ends."""
    from dean_airflow.store.store import Store

    folder = tmp_path / "dean-store"
    folder.mkdir()
    shutil.copy(dean_migrated_store, folder / "dean.db")
    with Store.open(f"sqlite:///{folder / 'dean.db'}") as store:
        yield store
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def dean_repository(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """`dean_repository({"shop.py": "..."}, name="shop")`: a git repository with one commit, removed after the test."""
    from dean_airflow.testing.repositories import git_repository

    made: list[Path] = []

    def make(files: Mapping[str, str], *, name: str = "repository") -> Path:
        made.append(tmp_path / name)
        return git_repository(tmp_path / name, files)

    yield make
    for repository in made:
        shutil.rmtree(repository, ignore_errors=True)
