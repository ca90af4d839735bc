"""An api-server that can be killed and started again, with a store that a test writes to as DEAN's tasks do."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from dean_airflow.store.store import Store
from tests.integration.evolution_workflow.airflow_stack import AirflowStack


class Site(AirflowStack):
    """The web server alone: what the pages show is in the store, whoever wrote it there."""

    def __init__(self, home: Path, migrated: Path, store_url: str, **environment: str) -> None:
        super().__init__(home, migrated, AIRFLOW__DEAN__STORE=store_url, **environment)
        self.store = Store.open(store_url)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until the api-server answers."""
        with (self.home / "api-server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [self.python, "-m", "airflow", "api-server"], env=self.environment, cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait_for("the api-server to answer", self._answers)

    def kill(self) -> None:
        """As a power cut does."""
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None


@contextlib.contextmanager
def store_database(home: Path) -> Iterator[str]:
    """A store's URL: a database of its own on DEAN_TEST_POSTGRES' server, which can be cut off; SQLite without one."""
    server = os.environ.get("DEAN_TEST_POSTGRES")
    if not server:
        yield f"sqlite:///{home / 'dean.db'}"
        return
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    url = make_url(server).set(drivername="postgresql+psycopg2")
    name = f"dean_browser_{secrets.token_hex(4)}"
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


@contextlib.contextmanager
def cut_off(url: str) -> Iterator[None]:
    """A PostgreSQL database that takes no connection and has lost those it had."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    name = make_url(url).database
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false'))
            ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ended, {"name": name})
        yield
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true'))
        engine.dispose()
