"""A started Airflow for the tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow_stack import AirflowStack


@pytest.fixture(scope="session")
def new_stack(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AirflowStack]:
    """Makes an Airflow that is not started yet."""

    def make(**environment: str) -> AirflowStack:
        return AirflowStack(tmp_path_factory.mktemp("airflow"), airflow_home, **environment)

    return make


@pytest.fixture(scope="module")
def web_server(new_stack: Callable[..., AirflowStack]) -> Iterator[AirflowStack]:
    """An api-server with DEAN's plugin."""
    stack = new_stack()
    with stack.running("api-server"):
        yield stack
