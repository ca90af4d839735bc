"""A PostgreSQL server and a Redis server of a test's own, which ask for passwords."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BOSS = "superuser-of-this-test"


@dataclass(frozen=True)
class PostgresServer:
    """`folder` holds its socket and a password file; `log` is what the server itself writes, statements included."""

    folder: Path
    log: Path
    port: int
    psql: str

    @property
    def passfile(self) -> Path:
        return self.folder / "pgpass"

    def url(self, *, passfile: bool, role: str = "app") -> str:
        more = f"&passfile={self.passfile}" if passfile else ""
        return f"postgresql+psycopg2://{role}@:{self.port}/dean?host={self.folder}{more}"

    def execute(self, *statements: str, database: str = "dean") -> None:
        """As the superuser."""
        environment = {**os.environ, "PGPASSWORD": BOSS}
        for statement in statements:
            words = [
                self.psql,
                "-h",
                str(self.folder),
                "-p",
                str(self.port),
                "-U",
                "boss",
                "-d",
                database,
                "-qc",
                statement,
            ]
            subprocess.run(words, check=True, capture_output=True, env=environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server(password: str) -> Iterator[PostgresServer]:
    """With a database `dean` of a role `app`, and a role `other`, both of that password."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("needs PostgreSQL's own programs (initdb)")
    bin_folder, port = Path(initdb).parent, free_port()
    folder = Path(tempfile.mkdtemp(prefix="dean-pg-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    folder.chmod(0o755)

    def do(program: str, *words: str) -> None:
        subprocess.run([*as_owner, str(bin_folder / program), *words], check=True, capture_output=True, cwd="/")

    (folder / "first").write_text(f"{BOSS}\n")
    data, log = folder / "data", folder / "log"
    login = ("--username=boss", "--auth=scram-sha-256", f"--pwfile={folder / 'first'}")
    do("initdb", f"--pgdata={data}", *login, "--no-sync")
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='{folder}' -c fsync=off "
        "-c log_statement=all"
    )
    do("pg_ctl", f"--pgdata={data}", f"--log={log}", "--wait", "--silent", f"--options={options}", "start")
    try:
        server = PostgresServer(folder, log, port, str(bin_folder / "psql"))
        roles = [f"CREATE ROLE {name} LOGIN PASSWORD '{password}'" for name in ("app", "other")]
        server.execute(*roles, "CREATE DATABASE dean OWNER app", database="postgres")
        yield server
    finally:
        do("pg_ctl", f"--pgdata={data}", "--mode=immediate", "--silent", "stop")
        shutil.rmtree(folder)


@contextmanager
def redis_server(password: str) -> Iterator[int]:
    """Its port."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dean-redis-") as folder:
        words = [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            password,
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < until and process.poll() is None, "redis-server does not start"
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait(30)
