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
