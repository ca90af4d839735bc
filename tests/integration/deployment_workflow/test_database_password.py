"""The password of a PostgreSQL role rotated under a store at work: a server of its own, which asks for passwords."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.secrets.held_value import HeldValueTarget
from dean_airflow.deployment.secrets.postgres import PassfileHolder, PostgresRole
from dean_airflow.deployment.secrets.rotation import Rotating, rotate
from dean_airflow.deployment.site import site_of
from dean_airflow.errors import DeploymentError
from dean_airflow.store.database import Database
from dean_airflow.store.ids import new_deployment_id
from dean_airflow.store.store import Store

from ...deployments.servers import PostgresServer, postgres_server
from ...deployments.shop import Shop

OLD = "old-Jd72mLpQvB5nR1xYt0EoKq93uWc8zK8wq"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(OLD) as server:
        yield server


def test_a_password_is_rotated_under_a_store_at_work(server: PostgresServer, shop: Shop) -> None:
    server.passfile.write_text(f"*:*:*:app:{OLD}\n")
    server.passfile.chmod(0o600)
    role = PostgresRole(server.url(passfile=False))
    target = HeldValueTarget("db_password", PassfileHolder(server.passfile, "app"), role)
    database = Database(server.url(passfile=True), patience=0)
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def in_flight() -> None:
        def work(session) -> None:
            session.execute(text("INSERT INTO things VALUES ('begun before')"))
            begun.set()
            assert go_on.wait(60)
            session.execute(text("INSERT INTO things VALUES ('ended after')"))

        database.write(work)
        done.set()

    database.write(lambda session: session.execute(text("CREATE TABLE things (name text)")))
    thread = threading.Thread(target=in_flight)
    thread.start()
    try:
        assert begun.wait(60)
        with Store.open(shop.settings.store) as store:
            means = Means(shop.settings, store, shop.lines.append)
            rotating = Rotating(target, site_of(shop.directory, shop.settings.data_dir))
            report = rotate(rotating, means, new_deployment_id())
        assert (report["success"], report["old_refused"]) == (True, True), report
    finally:
        go_on.set()
        thread.join()

    assert done.is_set()  # the transaction in flight was committed on its own connection
    connections = [database.apart() for _ in range(5)]  # more than the pool had: new logins, without a restart
    try:
        found = connections[-1].execute(text("SELECT count(*) FROM things")).scalar_one()
        assert found == 2
    finally:
        for connection in connections:
            connection.close()
        database.close()
    new = PassfileHolder(server.passfile, "app").read()
    assert new != OLD
    assert (role.acceptance(OLD), role.acceptance(new)) == ("refused", "accepted")
    statements = server.log.read_text(errors="replace")
    assert "ALTER ROLE" in statements
    assert new not in statements
    assert new not in "\n".join(shop.lines)


def test_a_file_that_cannot_be_written_restores_the_old_password(server: PostgresServer, shop: Shop) -> None:
    role = PostgresRole(server.url(passfile=False, role="other"))
    holder = PassfileHolder(server.passfile, "other")
    server.passfile.write_text(f"*:*:*:other:{OLD}\n")
    server.passfile.chmod(0o600)
    written: list[str] = []

    class Full:
        def read(self) -> str:
            return holder.read()

        def write(self, value: str) -> None:
            written.append(value)
            if len(written) == 1:
                raise DeploymentError("No space left on device.")
            holder.write(value)

    with Store.open(shop.settings.store) as store:
        means = Means(shop.settings, store, shop.lines.append)
        rotating = Rotating(HeldValueTarget("db", Full(), role), site_of(shop.directory, shop.settings.data_dir))
        report = rotate(rotating, means, new_deployment_id())

    assert (report["status"], report["error"]) == ("rolled_back", "No space left on device.")
    assert (role.acceptance(OLD), role.acceptance(written[0])) == ("accepted", "refused")
    assert holder.read() == OLD
