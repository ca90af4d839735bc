"""Requests with an idempotency key: the same key and body get the first answer again, another body is a conflict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.server_models import RequestRow

KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Remembered:
    """What is known of a key: whether its body is another one than now asked with, and the answer that was given."""

    other_body: bool
    status: int | None
    answer: Any


class Requests:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def begin(self, service: str, caller: str, key: str, digest: str) -> Remembered | None:
        """None for a key heard first, which is then taken; else what is known of it. `digest` is of the body."""

        def work(session: Session) -> Remembered | None:
            row = session.get(RequestRow, (service, caller, key), with_for_update=True)
            if row is not None:
                return Remembered(row.digest != digest, row.status, row.answer)
            session.add(RequestRow(service=service, caller=caller, key=key, digest=digest, created_at=self._now()))
            return None

        return self._database.write(work)

    def answer(self, service: str, caller: str, key: str, status: int, answer: Any) -> None:
        """Keeps the answer given to a key that was begun."""

        def work(session: Session) -> None:
            row = session.get(RequestRow, (service, caller, key), with_for_update=True)
            if row is not None:
                row.status, row.answer = status, answer

        self._database.write(work)

    def forget(self, service: str, caller: str, key: str) -> None:
        """Lets a key be used again whose request was refused and had no effect."""
        self._database.write(
            lambda session: session.execute(
                delete(RequestRow).where(
                    RequestRow.service == service, RequestRow.caller == caller, RequestRow.key == key
                )
            )
        )

    def remove_old(self, keep: timedelta = KEPT) -> int:
        """How many went: a key that is so old starts something anew."""
        old = delete(RequestRow).where(RequestRow.created_at < self._now() - keep).returning(RequestRow.key)
        return self._database.write(lambda session: len(session.scalars(old).all()))
