"""One api-server for all tests here, a browser for each file of them, and a page for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.chromium import chromium, find_chromium
from tests.integration.browser.filled import fill
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site, store_database


@pytest.fixture(scope="session")
def site(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A started api-server whose store is filled."""
    if find_chromium() is None:
        pytest.skip("there is no Chromium: CHROMIUM names none, and none is on the PATH")
    home = tmp_path_factory.mktemp("browser")
    with store_database(home) as url:
        made = Site(home, airflow_home, url)
        try:
            fill(made.store, tmp_path_factory.mktemp("shop"))
            made.start()
            yield made
        finally:
            made.kill()
            made.store.close()


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Any]:
    """Ends with the file of tests: Playwright's event loop would be in the way of others'."""
    pytest.importorskip("playwright.sync_api", reason="the browser tests need Playwright, of the dev extra")
    with chromium() as launched:
        yield launched


@pytest.fixture
def open_as(site: Site, browser: Any) -> Iterator[Callable[..., Reader]]:
    """Opens the browser as a user: `open_as("admin", theme="dark")`. No page may have failed when the test ends."""
    readers: list[Reader] = []

    def opened(user: str | None = "admin", **options: Any) -> Reader:
        readers.append(Reader(site, browser, user, **options))
        return readers[-1]

    try:
        yield opened
        for reader in readers:
            assert not reader.faults, reader.faults
    finally:
        for reader in readers:
            reader.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages go: the folder DEAN_SCREENSHOTS names, else one that goes with the session."""
    named = os.environ.get("DEAN_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
