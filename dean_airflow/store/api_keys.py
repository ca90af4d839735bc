"""API keys of the servers: shown once when made, kept as a digest, found again by it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import ConfigurationError
from dean_airflow.store.database import Database
from dean_airflow.store.server_models import ApiKeyRow

RANDOM_BYTES = 36
"""48 characters after the prefix; the contract asks for at least 32 from the system's randomness."""
PREFIX = "dean_"
ROLES = ("viewer", "user", "admin", "service")
NOTED_EVERY = timedelta(seconds=60)
"""How exactly `last_used_at` is kept: writing it at every request would make each one a write."""


@dataclass(frozen=True)
class ApiKey:
    """A key without itself: `id` names it. It is refused once inactive or past `expires_at` (None: never)."""

    id: str
    name: str
    roles: list[str]
    active: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeys:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def create(self, name: str, roles: Sequence[str], life: timedelta | None = None) -> tuple[ApiKey, str]:
        """The key's record, and the key itself, which nobody can be told again.

        Raises ConfigurationError for a role there is none of, no role, or a life that has ended.
        """
        if not roles or (wrong := [role for role in roles if role not in ROLES]):
            named = f"{', '.join(wrong)} is none" if roles else "none is given"
            raise ConfigurationError(f"An API key needs one or more of the roles {', '.join(ROLES)}; {named}.")
        if life is not None and life <= timedelta(0):
            raise ConfigurationError("An API key must be good for more than no time.")
        key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        now = self._now()
        key_id = "key-" + secrets.token_hex(6)

        def work(session: Session) -> ApiKey:
            row = session.get(ApiKeyRow, key_id)  # there when a lost connection makes this run twice
            if row is None:
                row = ApiKeyRow(
                    id=key_id,
                    name=name,
                    digest=_digest(key),
                    roles=list(roles),
                    active=True,
                    created_at=now,
                    expires_at=now + life if life else None,
                )
                session.add(row)
            return _read(row)

        return self._database.write(work), key

    def find(self, key: str) -> ApiKey | None:
        """The record of a key that may be used now, which is noted on it; None for any other."""
        found = self._database.read(
            lambda session: session.scalar(select(ApiKeyRow).where(ApiKeyRow.digest == _digest(key)))
        )
        now = self._now()
        if found is None or not found.active or (found.expires_at is not None and found.expires_at <= now):
            return None
        if found.last_used_at is None or now - found.last_used_at >= NOTED_EVERY:
            self._note_use(found.id, now)
        return _read(found)

    def list(self) -> list[ApiKey]:
        """All of them, newest first."""
        statement = select(ApiKeyRow).order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def revoke(self, key_id: str) -> ApiKey:
        """The key, inactive from now on for ever. Raises ConfigurationError for an id there is none of."""

        def work(session: Session) -> ApiKey:
            row = session.get(ApiKeyRow, key_id, with_for_update=True)
            if row is None:
                raise ConfigurationError(f"There is no API key {key_id}; `airflow dean auth keys list` shows them.")
            row.active = False
            return _read(row)

        return self._database.write(work)

    def _note_use(self, key_id: str, now: datetime) -> None:
        def work(session: Session) -> None:
            row = session.get(ApiKeyRow, key_id, with_for_update=True)
            if row is not None:
                row.last_used_at = now

        self._database.write(work)


def _digest(key: str) -> str:
    """Keys are long and random, so that a fast hash without salt cannot be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


_NAMES = [field.name for field in fields(ApiKey)]


def _read(row: ApiKeyRow) -> ApiKey:
    return ApiKey(**{name: getattr(row, name) for name in _NAMES})
