"""A private Airflow below a temporary directory: its database on PostgreSQL where DEAN_TEST_POSTGRES names a server."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.evolution_workflow.airflow_stack import BUNDLE, AirflowStack

COMPONENTS = ("api-server", "scheduler", "dag-processor")
DAG = "dean_evolution_trial"
RUNS = f"/api/v2/dags/{DAG}/dagRuns"
REPOSITORY_ROOT = Path(__file__).parents[1]


class PrivateAirflow(AirflowStack):
    """The tests' Airflow with the LocalExecutor and the shipped DAGs; `data_dir` is DEAN's."""

    polling = 0.5  # what is asked for takes part of the time that is measured

    def __init__(self, home: Path, database: str, **environment: str) -> None:
        """`database`: SQLAlchemy URL of the metadata, empty for SQLite; raises AssertionError if it cannot be made."""
        own = {
            **({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database} if database else {}),
            "AIRFLOW__CORE__AUTH_MANAGER": (
                "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
            ),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": BUNDLE,
            "PYTHONPATH": str(REPOSITORY_ROOT),
        }
        super().__init__(home, None, **{**own, **environment})
        self.data_dir = home / "dean"

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
        """Scheduler, DAG processor and api-server until the block ends; the DAG is known."""
        with self.running(*COMPONENTS):
            self.wait_for_dag(DAG)
            yield

    def trial(self, conf: Mapping[str, Any], seconds: float) -> list[dict[str, Any]]:
        """The task instances of one trial under the scheduler, once it is over. Raises RuntimeError if it failed."""
        body = {"logical_date": None, "conf": dict(conf)}
        run_id = self.request("POST", RUNS, json=body).raise_for_status().json()["dag_run_id"]
        path = f"{RUNS}/{run_id}"

        def over() -> str:
            state = str(self.request("GET", path).json()["state"])
            return state if state in ("success", "failed") else ""

        if self.wait_for("the trial", over, seconds) == "failed":
            raise RuntimeError(f"The trial's run {run_id} failed.\n{self.logs()}")
        tasks: list[dict[str, Any]] = self.request("GET", f"{path}/taskInstances").json()["task_instances"]
        return tasks


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
