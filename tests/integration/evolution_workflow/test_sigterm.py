"""A real SIGTERM to a trial of the command line."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow_stack import BUNDLE, AirflowStack
from processes import processes_in
from repositories import example_repository, git

from dean_airflow.config import Settings
from dean_airflow.store.store import Store

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

LONG = {"max_evaluations": 400, "max_runtime_minutes": 10, "generations": 100, "islands": 1, "seed": 3}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def stack(new_stack: Callable[..., AirflowStack], scratch: Path) -> AirflowStack:
    return new_stack(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE, AIRFLOW__DEAN__SCRATCH_DIR=str(scratch))


@pytest.fixture
def store(stack: AirflowStack) -> Iterator[Store]:
    (stack.home / "dean").mkdir(exist_ok=True)
    with Store.open(Settings(data_dir=stack.home / "dean").store) as store:
        yield store


def test_a_trial_of_the_command_line_ends_with_everything_it_started(
    stack: AirflowStack, store: Store, scratch: Path, tmp_path: Path
) -> None:
    repository = example_repository("shop_report", tmp_path)
    params = [f"--param={name}={value}" for name, value in LONG.items()]
    with (stack.home / "start.log").open("wb") as log:
        started = subprocess.Popen(
            [stack.python, "-m", "airflow", "dean", "evolution", "start", str(repository), *params],
            env=stack.environment,
            cwd=stack.home,
            stdout=log,
            stderr=log,
        )
    try:
        stack.wait_for("evaluations", lambda: [one for one in store.trials.list() if store.evaluations.count(one.id)])
        assert set(processes_in(scratch)) - {started.pid} != set()
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 128 + signal.SIGTERM, stack.logs()
    finally:
        started.kill()
        started.wait()

    assert "Ended by SIGTERM." in (stack.home / "start.log").read_text().splitlines()
    assert "Traceback" not in (stack.home / "start.log").read_text()
    stack.wait_for("the trial's processes to be gone", lambda: not processes_in(scratch), seconds=10)
    assert [path for path in scratch.iterdir() if path.is_dir()] == []
    (trial,) = store.trials.list()
    assert (trial.status, trial.stop_reason) == ("cancelled", "cancelled")
    assert store.leases.active(trial.id) == []
    assert git(repository, "branch", "--list", "dean/*") == ""
