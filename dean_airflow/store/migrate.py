"""Bringing a store's tables up to this version of the package, once, whoever comes first."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.orm import Session

from dean_airflow.errors import StoreError
from dean_airflow.store.database import Database
from dean_airflow.store.faults import shown
from dean_airflow.store.models import StoreRow

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0010", "0011")
"""Every revision this package knows, oldest first. Kept here so that an up-to-date store opens without alembic."""

VERSION_TABLE = "dean_version"

_ADVISORY_LOCK = 0x6465616E  # any constant all versions of the package agree on: "dean"
_one_at_a_time = threading.Lock()  # alembic keeps its context in globals


def bring_up_to_date(database: Database, now: datetime) -> str:
    """The store's id, once its tables are those of this package.

    Safe to call from many processes at once. Raises StoreError: unreachable, read-only, full, or written by a newer
    version of the package.
    """
    if database.is_sqlite:
        database.autocommit(_use_write_ahead_log)
    if database.write(lambda session: _version(session.connection(), database)) != REVISIONS[-1]:
        with _one_at_a_time:
            database.write(lambda session: _upgrade(session, database, now))
    return database.read(lambda session: session.scalars(select(StoreRow.id)).one())


def _use_write_ahead_log(connection: Connection) -> None:
    """Readers then never wait for writers. A file system that cannot do it keeps the slower rollback journal."""
    if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _version(connection: Connection, database: Database) -> str | None:
    """The revision of the tables, None where there are none."""
    if not database.is_sqlite and connection.execute(text("SHOW transaction_read_only")).scalar() == "on":
        raise StoreError(
            f"The store {shown(database.url)} is read-only; name the primary server, or a user that may write."
        )
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if version is not None and version not in REVISIONS:
        raise StoreError(
            f"The store {shown(database.url)} was written by a newer version of dean-airflow "
            f"(revision {version}); upgrade the package or name another store."
        )
    return version


def _upgrade(session: Session, database: Database, now: datetime) -> None:
    """All of it in one transaction, which SQLite locks by itself, so that a killed upgrade leaves nothing behind."""
    connection = session.connection()
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if _version(connection, database) == REVISIONS[-1]:
        return

    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    command.upgrade(config, "head")
    if session.scalar(select(StoreRow.id)) is None:
        session.add(StoreRow(id=str(uuid.uuid4()), created_at=now))
