"""The probes of logins, versions and privileges, asked of real servers: PostgreSQL and Redis with passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.deployment.checks.registry import shipped_checks
from dean_airflow.deployment.validator import DeploymentValidator

from ...deployments.servers import PostgresServer, postgres_server, redis_server

PASSWORD = "Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"
PROBES = {"login_refused", "live_version", "privileges"}
COMPOSE = """\
services:
  db:
    image: postgres:16.4
    ports: ["127.0.0.1:{postgres}:5432"]
  cache:
    image: redis:7.2-alpine
    command: [redis-server, --requirepass, "{password}"]
    ports: ["127.0.0.1:{redis}:6379"]
  app:
    image: acme/app:1.0
    environment:
      DATABASE_URL: postgresql://{role}:{database_password}@db:5432/dean
      REDIS_URL: redis://:{cache_password}@cache:6379/0
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server(PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def redis() -> Iterator[int]:
    with redis_server(PASSWORD) as port:
        yield port


def found(folder: Path, postgres: PostgresServer, redis: int, **values: str) -> tuple[list[str], list[str]]:
    """What the probes find, and which were not checked."""
    given = {"role": "app", "database_password": PASSWORD, "cache_password": PASSWORD, **values}
    text = COMPOSE.format(postgres=postgres.port, redis=redis, password=PASSWORD, **given)
    (folder / "compose.yaml").write_text(text)
    checks = [check for check in shipped_checks() if check.probe and check.name in PROBES]
    result = DeploymentValidator(folder, checks=checks, shell={}).validate()
    return [f"{one.id} {one.what}" for one in result.findings], [one.id for one in result.not_checked]


def test_right_logins_pass(tmp_path: Path, postgres: PostgresServer, redis: int) -> None:
    assert found(tmp_path, postgres, redis) == ([], [])


def test_wrong_passwords_are_found(tmp_path: Path, postgres: PostgresServer, redis: int) -> None:
    findings, not_checked = found(tmp_path, postgres, redis, database_password="wrong", cache_password="wrong")

    assert not_checked == []
    assert [finding.partition(":")[0] for finding in findings] == ["M93 DATABASE_URL", "M93 REDIS_URL"]
    assert PASSWORD not in "".join(findings)


def test_a_role_that_lacks_privileges_is_found(tmp_path: Path, postgres: PostgresServer, redis: int) -> None:
    postgres.execute("CREATE TABLE IF NOT EXISTS mine (id int)", "CREATE TABLE IF NOT EXISTS yours (id int)")
    postgres.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON yours TO other", "GRANT SELECT ON mine TO other")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "001.sql").write_text("CREATE EXTENSION IF NOT EXISTS hstore;\n")
    (tmp_path / "dean-deployment.yaml").write_text("migrations: {dir: migrations}\n")

    findings, not_checked = found(tmp_path, postgres, redis, role="other")

    assert not_checked == []
    assert findings == [
        "M95 DATABASE_URL: the role may not create in its schema, nor read and write mine, "
        "nor create the extension hstore."
    ]


def test_a_server_that_is_not_there_is_not_checked(tmp_path: Path, postgres: PostgresServer, redis: int) -> None:
    stopped = PostgresServer(postgres.folder, postgres.log, 1, postgres.psql)

    findings, not_checked = found(tmp_path, stopped, 1)

    assert (findings, sorted(set(not_checked))) == ([], ["M93", "M94", "M95"])
