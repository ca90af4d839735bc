"""A real Airflow for tests and benchmarks: its processes, in a home and on a port of their own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
USERS = {"admin": "admin", "viewer": "viewer", "outsider": "viewer"}
BUNDLE = '[{"name": "dean", "classpath": "dean_airflow.dag_bundle.ShippedDagBundle", "kwargs": {}}]'
HERE = Path(__file__).resolve().parent


class AirflowStack:
    """Airflow below `home`; its database is a copy of `migrated`'s, or its own where that is None."""

    polling = 0.1
    """Seconds between two looks at a condition."""

    def __init__(self, home: Path, migrated: Path | None, python: str = sys.executable, **environment: str) -> None:
        self.home = home
        self.python = python
        self.passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        self.url = f"http://{LOOPBACK}:{free_port()}"
        home.mkdir(parents=True, exist_ok=True)
        (home / "passwords.json").write_text(json.dumps(self.passwords))
        self.environment = {**_without_airflow(os.environ), **self._own_environment(), **environment}
        self._tokens: dict[str, str] = {}
        if migrated is not None:
            shutil.copy(migrated / "airflow.db", home / "airflow.db")
        else:
            assert self.command("db", "migrate").returncode == 0

    def _own_environment(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": "selective_auth.SelectiveAuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__DEAN__DATA_DIR": str(self.home / "dean"),
            "PYTHONPATH": str(HERE),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One airflow command, run to its end."""
        return subprocess.run(
            [self.python, "-m", "airflow", *arguments], env=self.environment, cwd=self.home, text=True,
            capture_output=True, check=False,
        )  # fmt: skip

    @contextmanager
    def running(self, *components: str) -> Iterator[None]:
        """The components (api-server, scheduler, dag-processor) until the block ends; each in a session of its own."""
        processes = []
        try:
            for component in components:
                with (self.home / f"{component}.log").open("wb") as log:
                    processes.append(
                        subprocess.Popen(
                            [self.python, "-m", "airflow", component], env=self.environment, cwd=self.home,
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                        )
                    )  # fmt: skip
            if "api-server" in components:
                self.wait_for("the api-server to answer", self._answers)
            yield
        finally:
            for process in processes:
                _end_session(process)

    def wait_for(self, what: str, condition: Callable[[], T | None], seconds: float = 120.0) -> T:
        """The condition's first true answer; after so many seconds the test fails with the tails of all logs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = condition()
            if answer:
                return answer
            time.sleep(self.polling)
        raise AssertionError(f"Waited {seconds:g} s for {what} in vain.\n{self.logs()}")

    def logs(self) -> str:
        """The tails of what its components wrote."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.home.glob("*.log")))

    def token(self, user: str = "admin") -> str:
        """A bearer token of one of USERS."""
        if user not in self._tokens:
            login = {"username": user, "password": self.passwords[user]}
            answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=30)
            self._tokens[user] = answer.raise_for_status().json()["access_token"]
        return self._tokens[user]

    def request(self, method: str, path: str, *, user: str | None = "admin", **rest: Any) -> httpx.Response:
        """A request to the api-server; `user` None sends no credential."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **rest)

    def wait_for_dag(self, dag_id: str) -> None:
        """Until the DAG processor has stored the DAG."""
        path = f"/api/v2/dags/{dag_id}"
        self.wait_for(f"{dag_id} to be parsed", lambda: self.request("GET", path).status_code == 200)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _without_airflow(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("AIRFLOW")}


def _end_session(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()
