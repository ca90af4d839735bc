"""Remote trials on stubs whose faults are caused, over real HTTP."""

from __future__ import annotations

import pytest

from dean_airflow.store.store import Store
from dean_airflow.testing.services import StubServices
from tests.resilience.services.remote import Trials


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def trials(stub_services: StubServices, dean_store: Store) -> Trials:
    return Trials(stub_services, dean_store)
