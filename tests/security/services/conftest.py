"""Both stand-alone servers, each on a store of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dean_airflow.store.store import Store

from .stand import BUILDERS, Stand


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "dean.db"
    Store.open(f"sqlite:///{path}").close()
    return path


class Stands:
    """Makes servers, and closes their stores."""

    def __init__(self, migrated: Path, folder: Path) -> None:
        self._migrated, self._folder = migrated, folder
        self._made: list[Stand] = []

    def __call__(self, service: str = "evolution", **settings: Any) -> Stand:
        folder = self._folder / f"{service}-{len(self._made)}"
        folder.mkdir()
        shutil.copy(self._migrated, folder / "dean.db")
        self._made.append(Stand(service, folder, **settings))
        return self._made[-1]

    def close(self) -> None:
        for stand in self._made:
            stand.store.close()


@pytest.fixture
def make_stand(migrated: Path, tmp_path: Path) -> Iterator[Stands]:
    stands = Stands(migrated, tmp_path)
    yield stands
    stands.close()


@pytest.fixture(scope="module", params=list(BUILDERS))
def stand(request: pytest.FixtureRequest, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One of each for a whole file: making one takes longer than most tests."""
    stands = Stands(migrated, tmp_path_factory.mktemp("stand"))
    yield stands(request.param, server_requests_per_minute=0)
    stands.close()


@pytest.fixture
def evolution(make_stand: Stands) -> Stand:
    return make_stand("evolution")
