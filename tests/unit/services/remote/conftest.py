"""Remote trials on stubs, over real HTTP, with options that make nobody wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dean_airflow.services.pool import ServicePool
from dean_airflow.services.remote.engine import RemoteEngine
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.retrying import RetryPolicy
from dean_airflow.store.store import Store
from dean_airflow.testing.services import StubServices

QUICK = RemoteOptions(poll_seconds=0.02, pause_seconds=0.01, probe_seconds=0.02, timeout_seconds=60)


@pytest.fixture
def new_pool(stub_services: StubServices, dean_store: Store) -> Callable[..., ServicePool]:
    """Makes a pool of the stubs; without those kinds of service that are named."""

    def make(*without: str, **changes: Any) -> ServicePool:
        endpoints = [one for one in stub_services.endpoints(**changes) if one.kind not in without]
        return ServicePool(endpoints, store=dean_store, retry=RetryPolicy(first=0.01))

    return make


@pytest.fixture
def new_engine(new_pool: Callable[..., ServicePool], dean_store: Store) -> Callable[..., RemoteEngine]:
    def make(*without: str, **rest: Any) -> RemoteEngine:
        rest.setdefault("options", QUICK)
        return RemoteEngine(lambda: new_pool(*without), dean_store, **rest)

    return make
