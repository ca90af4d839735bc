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


from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import EvolutionServer

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "already_fast"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EvolutionServer]:
    server = EvolutionServer(tmp_path / "dean", scratch_dir=tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project that a trial is done with within seconds."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(
            ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments], cwd=folder, check=True
        )
    return folder
