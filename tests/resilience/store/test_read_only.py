"""A data directory in which nothing can be written: one sentence, whoever asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dean_airflow.store.store import Store
from tests.resilience.trials import TARGET
from tests.unit.evolution.repositories import Repository
from tests.unit.evolution.workshops import dedent

pytestmark = pytest.mark.airflow

POWERS = "-dac_override,-dac_read_search"
"""What lets root write where permissions say no. A root without them is refused like anybody else, and can still read
an interpreter that lies in its home."""


def refused(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of somebody who is bound by permissions."""
    command = [sys.executable, "-m", *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root writes anywhere, and setpriv, which would take that from it, is not installed")
        command = ["setpriv", f"--bounding-set={POWERS}", "--", *command]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture(params=["empty", "with a store"])
def data_dir(request: pytest.FixtureRequest, tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir()
    if request.param == "with a store":
        with Store.open(f"sqlite:///{folder}/dean.db") as store:
            store.trials.list()
        for file in folder.iterdir():
            file.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "words")
    made.write({name: dedent(text) for name, text in TARGET.items()})
    made.commit(message="first")
    return made


@pytest.mark.parametrize("command", [["init"], ["evolution", "start"], ["evolution", "list"]], ids=" ".join)
def test_commands_say_it_in_one_sentence(airflow_home: Path, data_dir: Path, repository: Repository, command) -> None:
    before = sorted(data_dir.rglob("*"))
    arguments = [*command, str(repository.path)] if command[-1] == "start" else command
    done = refused("airflow", "dean", *arguments, AIRFLOW__DEAN__DATA_DIR=str(data_dir))
    said = [line for line in (done.stdout + done.stderr).splitlines() if str(data_dir) in line]
    assert done.returncode == 1, done
    assert len(said) >= 1, done
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(data_dir.rglob("*")) == before
