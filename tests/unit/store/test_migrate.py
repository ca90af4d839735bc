from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from dean_airflow.errors import StoreError
from dean_airflow.store import migrate
from dean_airflow.store.database import Database
from dean_airflow.store.models import Base
from dean_airflow.store.store import Store


def set_version(store: Store, version: str) -> None:
    statement = text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = :version")
    store.database.write(lambda session: session.execute(statement, {"version": version}))


def test_migrations_make_the_tables_of_the_models(empty_url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Store.open(empty_url) as store:

        def difference(session):
            options = {"version_table": migrate.VERSION_TABLE, "compare_type": True}
            return compare_metadata(MigrationContext.configure(session.connection(), opts=options), Base.metadata)

        assert store.database.read(difference) == []


def test_the_revisions_known_are_the_revisions_shipped():
    from alembic.script import ScriptDirectory

    shipped = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations")).walk_revisions()
    assert tuple(reversed([script.revision for script in shipped])) == migrate.REVISIONS


def test_a_store_keeps_its_identity(empty_url):
    with Store.open(empty_url) as first, Store.open(empty_url) as second:
        assert uuid.UUID(first.id) == uuid.UUID(second.id)


def test_threads_opening_a_new_store_together_all_get_it(empty_url):
    found: list[str] = []

    def work() -> None:
        with Store.open(empty_url) as store:
            store.trials.create(f"trial-{threading.get_ident()}", {"repository": "r"})
            found.append(store.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_threads_may_make_several_stores_together(tmp_path):
    found: list[str] = []

    def work(number: int) -> None:
        with Store.open(f"sqlite:///{tmp_path}/{number}.db") as store:
            found.append(store.id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 4


def test_a_store_of_a_newer_version_is_refused_and_left_alone(url):
    with Store.open(url) as store:
        set_version(store, "9999")
        with pytest.raises(StoreError, match=r"newer version of dean-airflow \(revision 9999\); upgrade"):
            Store.open(url)
        set_version(store, migrate.REVISIONS[-1])
    Store.open(url).close()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_url):
    database = Database(empty_url, patience=1.0)

    def execute(statement: str) -> None:
        database.write(lambda session: session.execute(text(statement)))

    execute("CREATE TABLE dean_trials (mine INTEGER)")  # half the tables are made when the upgrade comes to it
    with pytest.raises(StoreError, match=r"dean_trials.* already exists"):
        Store.open(empty_url)

    assert database.read(lambda session: inspect(session.connection()).get_table_names()) == ["dean_trials"]
    execute("DROP TABLE dean_trials")
    Store.open(empty_url).close()
    database.close()


def test_opening_an_up_to_date_store_imports_neither_alembic_nor_airflow(migrated_file):
    code = (
        "import sys; from dean_airflow.store.store import Store; Store.open(sys.argv[1]).close();"
        "print([name for name in ('alembic', 'airflow') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{migrated_file}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
