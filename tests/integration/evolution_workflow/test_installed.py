"""The wheel in an empty environment beside an Airflow that nothing was prepared for: both ways to have the DAGs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from airflow_stack import AirflowStack
from repositories import example_repository
from wheels import ROOT, build_wheel

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

RUNS = "/api/v2/dags/dean_evolution_trial/dagRuns"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it requires, in the versions of the lock."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    uv = shutil.which("uv")
    install = (
        [uv, "pip", "install", "--compile-bytecode"]
        if uv
        else [sys.executable, "-m", "pip", "--python", str(python), "install"]
    )
    target = ["--python", str(python)] if uv else []
    lock = ["--constraint", str(ROOT / "requirements.lock")]
    done = subprocess.run(
        [*install, "--quiet", *target, *lock, str(build_wheel(folder))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


def as_bundle(printed: str, home: Path) -> Mapping[str, str]:
    name, _, value = shlex.split(printed, comments=True)[-1].partition("=")
    return {name: value}


def as_file(printed: str, home: Path) -> Mapping[str, str]:
    line = next(line for line in printed.splitlines() if "import *" in line).lstrip("# ")
    (home / "dags").mkdir()
    (home / "dags" / "mine.py").write_text(f"{line}\n")
    return {}


@pytest.mark.parametrize("way", [as_bundle, as_file])
def test_a_trial_runs_from_the_installed_wheel(
    python: Path, way: Callable[[str, Path], Mapping[str, str]], tmp_path: Path
) -> None:
    stack = AirflowStack(tmp_path / "airflow", None, str(python))
    stack.environment.update(way(stack.command("dean", "dags").stdout, stack.home))
    repository = example_repository("shop_report", tmp_path)

    with stack.running("api-server", "scheduler", "dag-processor"):
        stack.wait_for_dag("dean_evolution_trial")
        conf = {"repository": str(repository), "max_evaluations": 10, "max_runtime_minutes": 1, "generations": 1}
        body = {"logical_date": None, "conf": conf}
        run_id = stack.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"]
        state = stack.wait_for("the run's end", lambda: ended(stack, run_id), seconds=300)
        tasks = stack.request("GET", f"{RUNS}/{run_id}/taskInstances").json()["task_instances"]

    assert state == "success"
    assert [task["map_index"] for task in tasks if task["task_id"] == "evolve_island"] == [0, 1]
    init = stack.command("dean", "init")
    assert init.returncode == 0, init.stdout


def ended(stack: AirflowStack, run_id: str) -> str | None:
    state = stack.request("GET", f"{RUNS}/{run_id}").json()["state"]
    return state if state in ("success", "failed") else None
