"""What the tests of the whole share: trials at the stubs, with options that make nobody wait."""

from __future__ import annotations

import pytest

from dean_airflow.store.store import Store
from dean_airflow.testing import StubServices
from tests.resilience.services.remote import Trials


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def trials(stub_services: StubServices, dean_store: Store) -> Trials:
    return Trials(stub_services, dean_store)
