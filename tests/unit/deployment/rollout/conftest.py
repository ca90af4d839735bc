from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ....deployments.shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """In a folder with a short name: a socket's path may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="dean-shop-") as folder:
        shop = Shop(Path(folder))
        try:
            yield shop
        finally:
            shop.down()


@pytest.fixture
def running(shop: Shop) -> Shop:
    """Release `one` runs."""
    shop.describe("one")
    assert shop.deploy()["success"]
    return shop
