"""The tables of the index, and what makes them searchable in SQLite (FTS5 with trigrams) and PostgreSQL (pg_trgm)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.orm import Session

from dean_airflow.errors import StoreError
from dean_airflow.store.columns import SafeText, UtcDateTime
from dean_airflow.store.database import Database

VERSION = "1"
"""Of the tables and of what is put into them: an index of another one is made anew."""

_ID = BigInteger().with_variant(Integer(), "sqlite")
metadata = MetaData()

state = Table("dean_index_state", metadata, Column("version", String(16), primary_key=True))

repositories = Table(
    "dean_index_repositories",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", SafeText, nullable=False, unique=True),
    Column("commit", String(64), nullable=False),
    Column("indexed_at", UtcDateTime, nullable=True),
    Column("error", SafeText, nullable=True),
)

files = Table(
    "dean_index_files",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("repository_id", _ID, ForeignKey("dean_index_repositories.id", ondelete="CASCADE"), nullable=False),
    Column("path", SafeText, nullable=False),
    Column("blob", String(64), nullable=False),
    Column("language", String(32), nullable=False),
    Column("suffix", SafeText, nullable=False),
    Column("content", Text, nullable=False),
    UniqueConstraint("repository_id", "path"),
)

symbols = Table(
    "dean_index_symbols",
    metadata,
    Column("file_id", _ID, ForeignKey("dean_index_files.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("lowered", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("line", Integer, nullable=False),
    # Prefixes are looked for, for which PostgreSQL needs an operator class of its own.
    Index("ix_dean_index_symbols_lowered", "lowered", postgresql_ops={"lowered": "text_pattern_ops"}),
)

TEXTS = "dean_index_texts"
"""The FTS5 table of SQLite: the trigrams of each file's content, by the file's id."""

_SQLITE = (
    # The content itself is in the files: what a row held is told it again when the row goes.
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {TEXTS} USING fts5(content, content='dean_index_files', content_rowid='id', "
    "tokenize='trigram')",
    f"CREATE TRIGGER IF NOT EXISTS {TEXTS}_added AFTER INSERT ON dean_index_files BEGIN "
    f"INSERT INTO {TEXTS}(rowid, content) VALUES (new.id, new.content); END",
    f"CREATE TRIGGER IF NOT EXISTS {TEXTS}_removed AFTER DELETE ON dean_index_files BEGIN "
    f"INSERT INTO {TEXTS}({TEXTS}, rowid, content) VALUES ('delete', old.id, old.content); END",
)
_LOCK = 0x64656964
"""Any constant that all servers agree on: one of them makes the tables."""


def prepare(database: Database) -> None:
    """Makes the tables, anew where they are of another version. Raises StoreError, also where pg_trgm cannot be had."""
    if database.is_sqlite:
        database.autocommit(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode = WAL"))
    database.write(lambda session: _prepare(session, database.is_sqlite))


def _prepare(session: Session, sqlite: bool) -> None:
    connection = session.connection()
    if not sqlite:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    known = inspect(connection)
    if known.has_table(state.name) and session.scalar(state.select()) == VERSION:
        return
    if sqlite:
        session.execute(text(f"DROP TABLE IF EXISTS {TEXTS}"))
    metadata.drop_all(connection)
    metadata.create_all(connection)
    if sqlite:
        for statement in _SQLITE:
            session.execute(text(statement))
    else:
        _prepare_postgres(session)
    session.execute(state.insert().values(version=VERSION))


def _prepare_postgres(session: Session) -> None:
    """The extension lies in some schema, where its operator class has to be named."""
    where = (
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'pg_trgm'"
    )
    schema = session.scalar(text(where))
    if schema is None:
        if session.scalar(text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")) is None:
            raise StoreError("The index needs PostgreSQL's extension pg_trgm; install the package postgresql-contrib.")
        session.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public"))
        schema = session.scalar(text(where))
    quoted = str(schema).replace('"', '""')
    session.execute(
        text(
            f'CREATE INDEX ix_dean_index_files_content ON dean_index_files USING gin (content "{quoted}".gin_trgm_ops)'
        )
    )
