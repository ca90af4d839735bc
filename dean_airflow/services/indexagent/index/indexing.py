"""Brings the index of a repository up to its present commit; what did not change is not read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.services.indexagent.index.sources import Checkout, Tracked, checkout_of, read_texts, tracked_files
from dean_airflow.services.indexagent.index.symbols import Symbol, language_of, suffix_of, symbols_of
from dean_airflow.services.indexagent.index.tables import files, repositories, symbols
from dean_airflow.store.database import Database

Prepared = Sequence[tuple[Tracked, str, list[Symbol]]]

BATCH = 400
"""Files written in one transaction: searches see them at once, and other writers wait a fraction of a second."""


@dataclass(frozen=True)
class Indexed:
    """What an indexing did: files read, files gone, and how many there are now."""

    commit: str
    read: int
    removed: int
    total: int


class Indexer:
    """One at a time may work on a repository."""

    def __init__(
        self,
        database: Database,
        cache_dir: Path,
        now: Callable[[], datetime],
        credentials: GitCredentials | None = None,
    ) -> None:
        self._database, self._cache_dir, self._now, self._credentials = database, cache_dir, now, credentials

    def bring_up_to_date(self, repository: str, stop: Callable[[], bool] = lambda: False) -> Indexed:
        """Indexes the repository; `stop` breaks it off between two batches, and what is done stays.

        Raises TargetError, which is kept with the repository too, and StoreError.
        """
        try:
            checkout = checkout_of(repository, self._cache_dir, self._credentials)
            tracked = tracked_files(checkout)
        except TargetError as error:
            self._note(repository, error=str(error))
            raise
        repository_id = self._note(repository, error=None)
        known = self._known(repository_id)
        wanted = {file.path: file for file in tracked}
        changed = [file for file in tracked if known.get(file.path) != file.blob]
        gone = [path for path in known if path not in wanted]
        self._remove(repository_id, gone)
        read = self._read(repository_id, checkout, changed, stop)
        if read == len(changed):
            self._note(repository, error=None, commit=checkout.commit)
        return Indexed(checkout.commit, read, len(gone), len(wanted))

    def _known(self, repository_id: int) -> dict[str, str]:
        statement = select(files.c.path, files.c.blob).where(files.c.repository_id == repository_id)
        return self._database.read(lambda session: {row.path: row.blob for row in session.execute(statement)})

    def _read(
        self, repository_id: int, checkout: Checkout, changed: Sequence[Tracked], stop: Callable[[], bool]
    ) -> int:
        """How many were read and written: one batch is written while the next one is read."""
        texts = read_texts(checkout, [file.blob for file in changed])
        rest = iter(changed)
        done = 0
        with ThreadPoolExecutor(1, thread_name_prefix="dean-index") as writer:
            writing: Future[None] | None = None
            while batch := list(islice(rest, BATCH)):
                read = [(file, text or "") for file, (_, text) in zip(batch, texts, strict=False)]
                prepared = [(file, text, symbols_of(text)) for file, text in read]
                if writing is not None:
                    writing.result()
                if stop():
                    return done
                writing = writer.submit(self._write, repository_id, prepared)
                done += len(batch)
            if writing is not None:
                writing.result()
        return done

    def _write(self, repository_id: int, prepared: Prepared) -> None:
        self._database.write(lambda session: _write(session, repository_id, prepared))

    def _remove(self, repository_id: int, paths: Sequence[str]) -> None:
        def work(session: Session) -> None:
            for start in range(0, len(paths), BATCH):
                _drop(session, repository_id, paths[start : start + BATCH])

        if paths:
            self._database.write(work)

    def _note(self, repository: str, *, error: str | None, commit: str | None = None) -> int:
        """The repository's id, made if it has none, with how its indexing stands."""

        def work(session: Session) -> int:
            found = session.scalar(select(repositories.c.id).where(repositories.c.name == repository))
            if found is None:
                values = {"name": repository, "commit": "", "error": error}
                found = session.scalar(insert(repositories).values(values).returning(repositories.c.id))
            changes: dict[str, object] = {"error": error}
            if commit is not None:
                changes |= {"commit": commit, "indexed_at": self._now()}
            session.execute(update(repositories).where(repositories.c.id == found).values(changes))
            assert found is not None
            return int(found)

        return self._database.write(work)


def _write(session: Session, repository_id: int, prepared: Prepared) -> None:
    _drop(session, repository_id, [file.path for file, _, _ in prepared])
    rows = [
        {
            "repository_id": repository_id,
            "path": file.path,
            "blob": file.blob,
            "language": language_of(file.path),
            "suffix": suffix_of(file.path),
            "content": text,
        }
        for file, text, _ in prepared
    ]
    session.execute(insert(files), rows)
    statement = select(files.c.path, files.c.id).where(
        files.c.repository_id == repository_id, files.c.path.in_([row["path"] for row in rows])
    )
    ids = {row.path: row.id for row in session.execute(statement)}
    defined = [
        {"file_id": ids[file.path], "lowered": one.name.lower(), "name": one.name, "kind": one.kind, "line": one.line}
        for file, _, found in prepared
        for one in found
    ]
    if defined:
        session.execute(insert(symbols), defined)


def _drop(session: Session, repository_id: int, paths: Sequence[str]) -> None:
    if paths:
        session.execute(delete(files).where(files.c.repository_id == repository_id, files.c.path.in_(paths)))
