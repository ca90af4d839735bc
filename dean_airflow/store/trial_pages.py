"""Trials as a page lists them: filtered, sorted, counted, and none but those of the DAGs that its reader may see."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ColumnElement, Float, Text, cast, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.fence import FINAL
from dean_airflow.store.models import DocumentRow, ObservationRow, PatternRow, TrialRow
from dean_airflow.store.patterns import Pattern, read_pattern
from dean_airflow.store.trials import Trial, read_trial

TrialOrder = Literal["created_at", "completed_at", "fitness", "speedup", "repository", "status", "duration"]


@dataclass(frozen=True)
class TrialFilter:
    """What a list is of. `dags` are the DAGs whose trials may be seen (None among them: trials of no DAG);
    `text` is looked for in the repository and the id, whatever its case.
    """

    dags: Collection[str | None]
    statuses: Collection[str] = ()
    outcomes: Collection[str] = ()
    text: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class PatternInTrial:
    """A pattern with what one trial saw of it."""

    pattern: Pattern
    tried: int
    confirmed: int


class TrialPages:
    def __init__(self, database: Database) -> None:
        self._database = database

    def dags(self) -> set[str | None]:
        """The DAGs that trials in this store belong to."""
        statement = select(TrialRow.dag_id).distinct()
        return self._database.read(lambda session: set(session.scalars(statement)))

    def page(
        self, wanted: TrialFilter, *, order: TrialOrder, descending: bool, limit: int, offset: int
    ) -> tuple[Sequence[Trial], int]:
        """The trials of one page and how many there are in all; what cannot be sorted by comes last."""
        conditions = _conditions(wanted)
        key = self._key(order)
        keys = (key.is_(None), key.desc() if descending else key.asc(), TrialRow.id)
        rows = select(TrialRow).where(*conditions).order_by(*keys).limit(limit).offset(offset)
        count = select(func.count()).select_from(TrialRow).where(*conditions)

        def work(session: Session) -> tuple[list[Trial], int]:
            return [read_trial(row) for row in session.scalars(rows)], session.scalar(count) or 0

        return self._database.read(work)

    def counts(self, dags: Collection[str | None]) -> dict[str, int]:
        """How many of the trials are `running` (not final), `improved`, `no_improvement`, `failed`, `cancelled`."""
        statement = (
            select(TrialRow.status, TrialRow.outcome, func.count())
            .where(_of_dags(dags))
            .group_by(TrialRow.status, TrialRow.outcome)
        )
        counted = dict.fromkeys(("running", "improved", "no_improvement", "failed", "cancelled"), 0)
        for status, outcome, number in self._database.read(lambda session: session.execute(statement).all()):
            word = (outcome or "no_improvement") if status == "completed" else status if status in FINAL else "running"
            counted[word] = counted.get(word, 0) + number
        return counted

    def within(self, trial_id: str, name: str, paths: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """What a document has at the paths, by their names; None where it has nothing. Large documents (that of a
        baseline with all its tests) are looked into by the database, and never read whole.
        """
        columns = [self._at(path) for path in paths.values()]
        statement = select(*columns).where(DocumentRow.trial_id == trial_id, DocumentRow.name == name)
        row = self._database.read(lambda session: session.execute(statement).first())
        values = (None,) * len(columns) if row is None else row
        return {name: _read_json(text) for name, text in zip(paths, values, strict=True)}

    def patterns(self, trial_id: str) -> Sequence[PatternInTrial]:
        """The patterns a trial contributed to, those that won first."""
        statement = (
            select(PatternRow, ObservationRow.tried, ObservationRow.confirmed)
            .join(ObservationRow, ObservationRow.pattern_id == PatternRow.id)
            .where(ObservationRow.trial_id == trial_id)
            .order_by(ObservationRow.confirmed.desc(), ObservationRow.tried.desc(), PatternRow.kind, PatternRow.context)
        )
        return self._database.read(
            lambda session: [
                PatternInTrial(read_pattern(row), tried, won) for row, tried, won in session.execute(statement)
            ]
        )

    def _key(self, order: TrialOrder) -> ColumnElement[Any]:
        if order == "speedup":
            return self._of_result("speedup")
        if order == "duration":
            began, ended = TrialRow.started_at, TrialRow.completed_at
            if self._database.is_sqlite:
                return func.julianday(ended) - func.julianday(began)
            return ended - began
        columns: dict[str, Any] = {
            "created_at": TrialRow.created_at,
            "completed_at": TrialRow.completed_at,
            "fitness": TrialRow.best_fitness,
            "repository": func.lower(TrialRow.repository),
            "status": TrialRow.status,
        }
        found: ColumnElement[Any] = columns[order]
        return found

    def _at(self, path: Sequence[str]) -> ColumnElement[Any]:
        """The JSON text at a path of a document; of a list (the path ends with `#`) its length."""
        text, length = type_coerce(DocumentRow.value, Text), path[-1] == "#"
        names = path[:-1] if length else path
        if self._database.is_sqlite:
            place = "$" + "".join(f".{name}" for name in names)
            return func.json_array_length(text, place) if length else func.json_quote(func.json_extract(text, place))
        found = cast(text, JSON)[tuple(names)]
        return cast(func.json_array_length(found) if length else found, Text)

    def _of_result(self, name: str) -> ColumnElement[Any]:
        text = type_coerce(TrialRow.result, Text)
        if self._database.is_sqlite:
            return func.json_extract(text, f"$.{name}")
        return cast(cast(text, JSON)[name].as_string(), Float)


def _read_json(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


def _conditions(wanted: TrialFilter) -> list[ColumnElement[bool]]:
    conditions = [_of_dags(wanted.dags)]
    if wanted.statuses:
        conditions.append(TrialRow.status.in_(wanted.statuses))
    if wanted.outcomes:
        conditions.append(TrialRow.outcome.in_(wanted.outcomes))
    if wanted.since is not None:
        conditions.append(TrialRow.created_at >= wanted.since)
    if wanted.text:
        text = wanted.text.lower()
        conditions.append(
            or_(
                func.lower(TrialRow.repository).contains(text, autoescape=True),
                TrialRow.id.contains(text, autoescape=True),
            )
        )
    return conditions


def _of_dags(dags: Collection[str | None]) -> ColumnElement[bool]:
    named = TrialRow.dag_id.in_([dag for dag in dags if dag is not None])
    return or_(named, TrialRow.dag_id.is_(None)) if None in dags else named
