"""The rules last known to be good, by the path of their file: they stay in force while the file has mistakes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dean_airflow.store.alert_models import AlertRulesRow
from dean_airflow.store.database import Database


@dataclass(frozen=True)
class KeptRules:
    """`text` is None where the file never was good; `problem` what is wrong with it now, "" if nothing is."""

    path: str
    text: str | None
    good_since: datetime | None
    problem: str
    checked_at: datetime


class AlertRules:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def get(self, path: str) -> KeptRules | None:
        return self._database.read(lambda session: _read(session.get(AlertRulesRow, _id(path))))

    def keep_good(self, path: str, text: str) -> bool:
        """The file is good, and says this; whether that is another text than before. Writes only what is news."""
        kept = self.get(path)
        is_new = kept is None or kept.text != text
        if kept is None or is_new or kept.problem:
            self._put(path, text, self._now() if kept is None or is_new else kept.good_since, "")
        return is_new

    def note_problem(self, path: str, problem: str) -> KeptRules | None:
        """The file has mistakes. What was good before, None if nothing was."""
        kept = self.get(path)
        if kept is None or kept.problem != problem:
            text, since = (None, None) if kept is None else (kept.text, kept.good_since)
            self._put(path, text, since, problem)
        return kept

    def _put(self, path: str, text: str | None, good_since: datetime | None, problem: str) -> None:
        def work(session: Session) -> None:
            session.merge(
                AlertRulesRow(
                    id=_id(path),
                    path=path,
                    text=text,
                    good_since=good_since,
                    problem=problem,
                    checked_at=self._now(),
                )
            )

        self._database.write(work)


def _id(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(row: AlertRulesRow | None) -> KeptRules | None:
    return None if row is None else KeptRules(row.path, row.text, row.good_since, row.problem, row.checked_at)
