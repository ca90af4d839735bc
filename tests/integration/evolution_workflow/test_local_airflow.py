"""`make airflow` as a developer uses it: started, looked at, ended by Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from airflow_stack import LOOPBACK, free_port
from processes import processes_told
from wheels import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the target needs of a clone, with this environment for its own: its home is not a developer's."""
    for name in ("Makefile", "scripts", "dean_airflow", "requirements.lock", "setup.cfg", "setup.py", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def wait_for(condition: Callable[[], object], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log.read_text()[-6000:]
        time.sleep(0.1)


def is_well(url: str) -> bool:
    try:
        health = httpx.get(f"{url}/api/v2/monitor/health", timeout=5).json()
    except (httpx.HTTPError, ValueError):
        return False
    return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor", "triggerer"))


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def test_ctrl_c_ends_all_of_it(clone: Path) -> None:
    port = free_port()
    log = clone / "log"
    with log.open("wb") as output:
        made = subprocess.Popen(
            ["make", "--assume-old=.venv/.ready", "airflow"],
            cwd=clone,
            env={**os.environ, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    home = str(clone / ".dean" / "airflow")
    try:
        wait_for(lambda: is_well(f"http://{LOOPBACK}:{port}") or made.poll() is not None, 240, log)
        assert made.poll() is None, log.read_text()[-6000:]
        assert "login admin, password: " in log.read_text()
        assert len(processes_told("AIRFLOW_HOME", home)) >= 4

        os.killpg(made.pid, signal.SIGINT)
        wait_for(lambda: made.poll() is not None, 180, log)  # a triggerer takes its time on a busy machine
        wait_for(lambda: not processes_told("AIRFLOW_HOME", home), 10, log)
        assert not is_taken(port)
    finally:
        for pid in {made.pid, *processes_told("AIRFLOW_HOME", home)}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        made.wait()
