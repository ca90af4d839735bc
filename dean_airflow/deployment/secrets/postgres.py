"""The password of a PostgreSQL role. The role changes it itself; what travels is a SCRAM verifier, never the password.

PostgreSQL has one password a role, so nothing overlaps: sessions that are open go on, transactions in flight included;
whoever connects from then on needs the new password.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dean_airflow.deployment.secrets.held_value import replace_file
from dean_airflow.deployment.secrets.target import Acceptance
from dean_airflow.errors import DeploymentError

CONNECT_SECONDS = 10


class PostgresRole:
    """`url` names the role, host, port and database, without a password. Raises DeploymentError for another kind."""

    overlaps = False

    def __init__(self, url: str) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            parsed = make_url(url)
        except ArgumentError:
            parsed = None
        if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres") or not parsed.username:
            raise DeploymentError("The address of the database must be postgresql://role@host:port/database.")
        if parsed.password is not None:
            raise DeploymentError("The address of the database must hold no password; the secret is it.")
        self._role = parsed.username
        query = {name: value for name, value in parsed.query.items() if isinstance(value, str)}
        self._options: dict[str, Any] = {
            "user": parsed.username,
            "dbname": parsed.database or parsed.username,
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "dean-rotation",
            **({"host": parsed.host} if parsed.host else {}),
            **({"port": parsed.port} if parsed.port else {}),
            **query,
        }

    def allow(self, old: str, new: str) -> None:
        if self.acceptance(new) == "accepted":
            return
        connection = self._connect(old)
        if connection is None:
            raise DeploymentError(f"The database refuses the password of {self._role} that is in use.")
        from psycopg2 import Error, extensions, sql

        try:
            verifier = extensions.encrypt_password(new, self._role, connection, "scram-sha-256")
            with connection, connection.cursor() as cursor:
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                cursor.execute(statement.format(sql.Identifier(self._role), sql.Literal(verifier)))
        except Error as error:
            said = type(error).__name__  # its text holds the statement
            raise DeploymentError(f"The password of {self._role} cannot be changed ({said}).") from None
        finally:
            connection.close()

    def refuse(self, value: str, kept: str) -> None:
        """Nothing is left to do: the old password ended with the new one's begin."""

    def acceptance(self, value: str) -> Acceptance:
        connection = self._connect(value)
        if connection is None:
            return "refused"
        connection.close()
        return "accepted"

    def _connect(self, password: str) -> Any:
        """A connection, None where the password is refused. Raises DeploymentError for any other reason."""
        try:
            import psycopg2
        except ModuleNotFoundError:
            raise DeploymentError(
                "Rotating a database's password needs a driver: pip install 'dean-airflow[postgres]'."
            ) from None
        try:
            return psycopg2.connect(**self._options, password=password)
        except psycopg2.OperationalError as error:
            said = str(error)
            if "password authentication failed" in said or "no password supplied" in said:
                return None
            where = self._options.get("host", "its socket")
            raise DeploymentError(f"The database of {self._role} at {where} cannot be reached.") from None


class PassfileHolder:
    """A role's password in a libpq password file (`host:port:database:role:password` lines, mode 0600).

    Clients whose URL says `?passfile=<path>` read it whenever they connect. So a pool goes on with the connections that
    it has, and opens further ones with the new password; nothing is restarted.
    """

    def __init__(self, path: Path, role: str) -> None:
        self._path, self._role = path, role

    def read(self) -> str:
        passwords = {_unescaped(fields[4]) for fields in self._lines() if len(fields) == 5 and self._is_ours(fields)}
        if len(passwords) != 1:
            how = "no password" if not passwords else "several passwords"
            raise DeploymentError(f"{self._path} has {how} of the role {self._role}.")
        return passwords.pop()

    def write(self, value: str) -> None:
        escaped = value.replace("\\", "\\\\").replace(":", "\\:")
        lines = [[*fields[:4], escaped] if self._is_ours(fields) else fields for fields in self._lines()]
        replace_file(self._path, "\n".join(":".join(fields) for fields in lines).encode())

    def _lines(self) -> list[list[str]]:
        try:
            if self._path.stat().st_mode & 0o077:
                raise DeploymentError(f"{self._path} is open to others, so libpq ignores it: `chmod 600 {self._path}`.")
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DeploymentError(f"The password file {self._path} cannot be read: {error}.") from None
        return [re.split(r"(?<!\\):", line, maxsplit=4) for line in text.split("\n")]

    def _is_ours(self, fields: list[str]) -> bool:
        return len(fields) == 5 and not fields[0].startswith("#") and _unescaped(fields[3]) == self._role


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
