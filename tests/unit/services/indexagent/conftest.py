"""An index on SQLite, and on PostgreSQL too when DEAN_TEST_POSTGRES holds the URL of a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.config import Settings
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.store.store import Store
from tests.databases import BACKENDS, postgres_schema
from tests.unit.evolution.repositories import Repository


@pytest.fixture(params=BACKENDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield Settings(data_dir=tmp_path / "dean")
        return
    with postgres_schema() as url:
        yield Settings(data_dir=tmp_path / "dean", store=url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store.open(settings.store) as store:
        yield store


@pytest.fixture
def index(settings: Settings, store: Store) -> Iterator[CodeIndex]:
    index = CodeIndex(settings, store)
    yield index
    index.close()


FILES = {
    "shop/cart.py": "class Cart:\n    def add(self, item):\n        return item\n\n\n"
    "def add_all(cart, items):\n    pass\n",
    "shop/report.py": "from shop.cart import Cart\n\n\ndef total(cart):\n    return 100  # 5% off_all\n",
    "web/app.js": "export async function addToCart(item) {\n  return item;\n}\n",
    "README.md": "# Shop\n\nAn example with a Cart.\n",
    "data.bin": b"\0\1\2Cart",
    "latin.txt": "caf\xe9 Cart".encode("latin-1"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.commit(FILES)
    return repository
