"""A private Airflow below a temporary directory: its database on PostgreSQL where DEAN_TEST_POSTGRES names a server."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
COMPONENTS = ("api-server", "scheduler", "dag-processor")
BUNDLE = '[{"name": "dean", "classpath": "dean_airflow.dag_bundle.ShippedDagBundle", "kwargs": {}}]'
REPOSITORY_ROOT = Path(__file__).parents[1]
RUNS = "/api/v2/dags/dean_evolution_trial/dagRuns"


class PrivateAirflow:
    """Its home is migrated when made; `data_dir` is DEAN's."""

    def __init__(self, home: Path, database: str, **environment: str) -> None:
        """`database`: SQLAlchemy URL of the metadata, empty for SQLite; raises CalledProcessError."""
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.data_dir = home, home / "dean"
        self.password = secrets.token_urlsafe(12)
        (home / "passwords.json").write_text(json.dumps({"admin": self.password}))
        self.url = f"http://{LOOPBACK}:{_free_port()}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environment = {**kept, **self._own_environment(database), **environment}
        self._token = ""
        self.run("-m", "airflow", "db", "migrate")

    def _own_environment(self, database: str) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            **({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database} if database else {}),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": BUNDLE,
            "AIRFLOW__DEAN__DATA_DIR": str(self.data_dir),
            "PYTHONPATH": str(REPOSITORY_ROOT),
        }

    def run(self, *arguments: str) -> str:
        """What Python prints with these arguments, in this Airflow's environment. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=self.home,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout[-2000:] + done.stderr[-4000:])
            done.check_returncode()
        return done.stdout

    @contextmanager
    def started(self) -> Iterator[None]:
        """Scheduler, DAG processor and api-server until the block ends."""
        processes = [self._start(component) for component in COMPONENTS]
        try:
            self.wait_for("the api-server", self._answers, 180)
            path = "/api/v2/dags/dean_evolution_trial"
            self.wait_for("the DAG to be parsed", lambda: self.request("GET", path).status_code == 200, 180)
            yield
        finally:
            for process in processes:
                _end_session(process)

    def _start(self, component: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{component}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", component],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def trial(self, conf: Mapping[str, Any], seconds: float) -> list[dict[str, Any]]:
        """The task instances of one trial under the scheduler, once it is over. Raises RuntimeError if it failed."""
        body = {"logical_date": None, "conf": dict(conf)}
        run_id = self.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"]
        path = f"{RUNS}/{run_id}"

        def over() -> str:
            state = str(self.request("GET", path).json()["state"])
            return state if state in ("success", "failed") else ""

        if self.wait_for("the trial", over, seconds) == "failed":
            raise RuntimeError(f"The trial's run {run_id} failed.\n{self._logs()}")
        tasks: list[dict[str, Any]] = self.request("GET", f"{path}/taskInstances").json()["task_instances"]
        return tasks

    def request(self, method: str, path: str, **rest: Any) -> Any:
        """The api-server's answer to a request with a token."""
        import httpx

        if not self._token:
            login = {"username": "admin", "password": self.password}
            answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=60)
            self._token = answer.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **rest)

    def wait_for(self, what: str, condition: Callable[[], T], seconds: float) -> T:
        """The condition's first true answer. Raises RuntimeError with the tails of the logs after so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answer = condition()
            if answer:
                return answer
            time.sleep(0.5)
        raise RuntimeError(f"Waited {seconds:g} s for {what} in vain.\n{self._logs()}")

    def _logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in sorted(self.home.glob("*.log")))

    def _answers(self) -> bool:
        import httpx

        try:
            return httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def metadata_database() -> Iterator[str]:
    """A database on DEAN_TEST_POSTGRES' server that is dropped afterwards; empty (SQLite) without one."""
    server = os.environ.get("DEAN_TEST_POSTGRES")
    if not server:
        yield ""
        return
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    url = make_url(server).set(drivername="postgresql+psycopg2")
    name = f"dean_bench_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _end_session(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()
