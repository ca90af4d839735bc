"""What a driver's error means: try again, or one sentence for the user."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, TimeoutError

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_SQLITE_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk of the store {where} is full; free some space and run again.",
    sqlite3.SQLITE_READONLY: "The store {where} is read-only; give this user write access to it and its folder.",
    sqlite3.SQLITE_CANTOPEN: "The store {where} cannot be opened; check its path and that its folder is writable.",
    sqlite3.SQLITE_PERM: "The store {where} may not be used by this user; check the rights of the file.",
    sqlite3.SQLITE_AUTH: "The store {where} may not be used by this user; check the rights of the file.",
    sqlite3.SQLITE_NOTADB: "The store {where} is not an SQLite database; name another file.",
    sqlite3.SQLITE_CORRUPT: "The store {where} is damaged; restore it from a copy or name another file.",
    sqlite3.SQLITE_IOERR: "The disk of the store {where} fails; check that it is healthy and not full.",
}

# SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_TRANSIENT = {"40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03"}
_POSTGRES_SENTENCES = {
    "53100": "The disk of the store {where} is full; free some space and run again.",
    "25006": "The store {where} is read-only; name the primary server, or a user that may write.",
    "42501": "The store {where} does not let this user do that; grant the rights on its schema.",
    "3D000": "The store {where} does not exist; create the database first.",
    "28P01": "The store {where} refused the user or password; check the connection.",
    "28000": "The store {where} refused the user or password; check the connection.",
}
# libpq gives no SQLSTATE for a connection that was refused while being made: only its text tells the lasting faults.
_CONNECT_SENTENCES = {
    "does not exist": "The store {where} does not exist; create the database and the user first.",
    "authentication failed": _POSTGRES_SENTENCES["28P01"],
    "no password supplied": _POSTGRES_SENTENCES["28P01"],
    "no pg_hba.conf entry": _POSTGRES_SENTENCES["28000"],
    "could not translate host name": "The host of the store {where} is not known; check the connection.",
    "invalid connection option": "The URL of the store {where} has an option its driver does not know.",
}


@dataclass(frozen=True)
class Fault:
    """`transient`: the work may succeed later; `race`: a rival wrote the row first; else `sentence` stands."""

    sentence: str
    transient: bool = False
    race: bool = False


def diagnose(error: DBAPIError | TimeoutError, url: URL) -> Fault:
    """What `error`, raised while working on the store at `url`, means. Passwords never get into the sentence."""
    where = shown(url)
    if isinstance(error, TimeoutError):
        return Fault(f"The store {where} has no free connection; run fewer tasks at a time.", transient=True)
    if isinstance(error.orig, sqlite3.Error):
        return _diagnose_sqlite(error.orig, Path(str(url.database)))
    return _diagnose_postgres(error, where)


def shown(url: URL) -> str:
    """The store as users know it: the path of a file; else the URL without driver, password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def _diagnose_sqlite(error: sqlite3.Error, where: Path) -> Fault:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return Fault(f"The store {where} failed: {_first_line(error)}.")
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # the write-ahead log's index could not grow
        code = sqlite3.SQLITE_FULL
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_CANTOPEN and not _writable(where):
        primary = sqlite3.SQLITE_READONLY
    if primary in _SQLITE_BUSY:
        return Fault(f"The store {where} stayed locked by another process; run again later.", transient=True)
    sentence = _SQLITE_SENTENCES.get(primary, "The store {where} failed: " + _first_line(error) + ".")
    return Fault(sentence.format(where=where))


def _writable(path: Path) -> bool:
    return all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists())


def _diagnose_postgres(error: DBAPIError, where: str) -> Fault:
    text = _first_line(error.orig or error)
    code: str | None = getattr(error.orig, "pgcode", None)
    if code in _POSTGRES_SENTENCES:
        return Fault(_POSTGRES_SENTENCES[code].format(where=where))
    if isinstance(error, IntegrityError):
        return Fault(f"The store {where} refused a row: {text}.", race=code == "23505")
    lost = f"The store {where} cannot be reached ({text}); check that the server runs."
    if code in _POSTGRES_TRANSIENT or (code or "").startswith("08") or error.connection_invalidated:
        return Fault(lost, transient=True)
    if code is None:
        for sign, sentence in _CONNECT_SENTENCES.items():
            if sign in text:
                return Fault(sentence.format(where=where))
        if isinstance(error, OperationalError | InterfaceError):
            return Fault(lost, transient=True)
    return Fault(f"The store {where} failed: {text}.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
