"""Patterns as the services tell them: those that won, and where; and trials with what they found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, func, select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.models import ChampionRow, EventRow, ObservationRow, PatternRow, TrialRow
from dean_airflow.store.patterns import Pattern, read_pattern
from dean_airflow.store.server_models import ServedTrialRow
from dean_airflow.store.trials import Trial, read_trial


@dataclass(frozen=True)
class Discovery:
    """A pattern that won at least once. `trial_id` is a trial it won in, `repositories` are all those it won in.

    `generation` is that of the trial's champion, 0 where it is not known any more.
    """

    pattern: Pattern
    trial_id: str
    generation: int
    repositories: list[str]


@dataclass(frozen=True)
class ServedView:
    """A trial as a service tells it: with the request a server got for it (None: it came another way), how many
    patterns won in it, and the diversity of its last generation. The trial is without its target and result.
    """

    trial: Trial
    request: dict[str, Any] | None
    patterns: int
    diversity: float | None


_TOLD = [one.name for one in fields(Trial) if one.name not in ("target", "result")]
# One statement, made once: this is what is asked most, and putting it together took longer than answering it.
_VIEW = select(
    *(getattr(TrialRow, name) for name in _TOLD),
    select(ServedTrialRow.request).where(ServedTrialRow.trial_id == TrialRow.id).scalar_subquery().label("request"),
    select(func.count())
    .select_from(ObservationRow)
    .where(ObservationRow.trial_id == TrialRow.id, ObservationRow.confirmed > 0)
    .scalar_subquery()
    .label("patterns"),
    select(EventRow.data)
    .where(EventRow.trial_id == TrialRow.id, EventRow.kind == "generation")
    .order_by(EventRow.sequence.desc())
    .limit(1)
    .scalar_subquery()
    .label("last_generation"),
).where(TrialRow.id.in_(bindparam("trials", expanding=True)))


class Discoveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, trial_id: str | None = None) -> Sequence[Discovery]:
        """All of them, or those that won in one trial; highest impact first."""

        def work(session: Session) -> list[Discovery]:
            won = _won_where(session, trial_id)
            patterns = {row.id: row for row in session.scalars(select(PatternRow).where(PatternRow.confirmed_wins > 0))}
            known = [row for row in patterns.values() if row.id in won] if trial_id else patterns.values()
            generations = _generations(session, {trial for trials in won.values() for trial, _ in trials})
            return [_discovery(row, won.get(row.id, []), trial_id, generations) for row in known]

        found = self._database.read(work)
        return sorted(found, key=lambda one: (-one.pattern.impact, one.pattern.kind, one.pattern.context))

    def won_in(self, trial_ids: Sequence[str]) -> dict[str, Sequence[str]]:
        """Trial id → the ids of the patterns that won in it."""
        statement = (
            select(ObservationRow.trial_id, ObservationRow.pattern_id)
            .where(ObservationRow.trial_id.in_(trial_ids), ObservationRow.confirmed > 0)
            .order_by(ObservationRow.pattern_id)
        )

        def work(session: Session) -> dict[str, Sequence[str]]:
            won: dict[str, Any] = {}
            for trial, pattern in session.execute(statement):
                won.setdefault(trial, []).append(pattern)
            return won

        return self._database.read(work)

    def count(self) -> int:
        """How many patterns won at least once."""
        statement = select(func.count()).select_from(PatternRow).where(PatternRow.confirmed_wins > 0)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def view(self, trial_id: str) -> ServedView | None:
        """One trial with all that is told of it, None if there is none."""
        return self.view_all([trial_id]).get(trial_id)

    def view_all(self, trial_ids: Sequence[str]) -> dict[str, ServedView]:
        """The same of those among these trials that there are, by id."""

        def work(session: Session) -> dict[str, ServedView]:
            rows = session.execute(_VIEW, {"trials": list(trial_ids)})
            return {row.id: _view(row._mapping) for row in rows}

        return self._database.read(work)

    def views(
        self,
        *,
        repository: str | None = None,
        status: str | None = None,
        limit: int = 100,
        offset: int = 0,
        min_fitness: float | None = None,
        fittest_first: bool = False,
    ) -> tuple[Sequence[ServedView], int]:
        """Trials, newest first or fittest first, and how many there are in all; without their diversity."""
        wanted: list[ColumnElement[bool]] = []
        if repository is not None:
            wanted.append(TrialRow.repository == repository)
        if status is not None:
            wanted.append(TrialRow.status == status)
        if min_fitness is not None:
            wanted.append(TrialRow.best_fitness >= min_fitness)
        if fittest_first:
            wanted.append(TrialRow.status == "completed")
        order = [TrialRow.created_at.desc(), TrialRow.id]
        statement = select(TrialRow).where(*wanted)
        statement = statement.order_by(*([TrialRow.best_fitness.desc()] if fittest_first else []), *order)

        def work(session: Session) -> tuple[list[ServedView], int]:
            rows = list(session.scalars(statement.limit(limit).offset(offset)))
            ids = [row.id for row in rows]
            asked = select(ServedTrialRow).where(ServedTrialRow.trial_id.in_(ids))
            requests = {served.trial_id: served.request for served in session.scalars(asked)}
            counts = _counts(session, ids)
            total = session.scalar(select(func.count()).select_from(TrialRow).where(*wanted)) or 0
            views = [ServedView(read_trial(row), requests.get(row.id), counts.get(row.id, 0), None) for row in rows]
            return views, total

        return self._database.read(work)

    def averages(self) -> dict[str, Any]:
        """`statuses` (how many trials of each), and of the completed ones the mean `fitness`, `generations` and
        `patterns`, None while there is none.
        """

        def work(session: Session) -> dict[str, Any]:
            statuses = session.execute(select(TrialRow.status, func.count()).group_by(TrialRow.status)).all()
            completed = TrialRow.status == "completed"
            fitness, generations, count = session.execute(
                select(func.avg(TrialRow.best_fitness), func.avg(TrialRow.current_generation), func.count()).where(
                    completed
                )
            ).one()
            found = session.scalar(
                select(func.count())
                .select_from(ObservationRow)
                .join(TrialRow, TrialRow.id == ObservationRow.trial_id)
                .where(completed, ObservationRow.confirmed > 0)
            )
            return {
                "statuses": _pairs(statuses),
                "fitness": None if fitness is None else float(fitness),
                "generations": None if generations is None else float(generations),
                "patterns": (found or 0) / count if count else None,
            }

        return self._database.read(work)


def _view(known: RowMapping) -> ServedView:
    trial = Trial(**{name: known[name] for name in _TOLD}, target=None, result=None)
    event = known["last_generation"]
    return ServedView(trial, known["request"], known["patterns"], None if event is None else event.get("diversity"))


def _won_where(session: Session, trial_id: str | None) -> dict[str, list[tuple[str, str]]]:
    """Pattern id → the (trial, repository) pairs it won in, by trial; limited to patterns that won in `trial_id`."""
    statement = (
        select(ObservationRow.pattern_id, TrialRow.id, TrialRow.repository)
        .join(TrialRow, TrialRow.id == ObservationRow.trial_id)
        .where(ObservationRow.confirmed > 0)
        .order_by(TrialRow.created_at, TrialRow.id)
    )
    if trial_id is not None:
        its = select(ObservationRow.pattern_id).where(ObservationRow.trial_id == trial_id, ObservationRow.confirmed > 0)
        statement = statement.where(ObservationRow.pattern_id.in_(its))
    won: dict[str, list[tuple[str, str]]] = {}
    for pattern_id, trial, repository in session.execute(statement):
        won.setdefault(pattern_id, []).append((trial, repository))
    return won


def _discovery(
    row: PatternRow, won: list[tuple[str, str]], trial_id: str | None, generations: dict[str, int]
) -> Discovery:
    trial = trial_id or (won[0][0] if won else row.first_trial_id)
    repositories = list(dict.fromkeys(repository for _, repository in won))
    return Discovery(read_pattern(row), trial, generations.get(trial, 0), repositories)


def _generations(session: Session, trial_ids: set[str]) -> dict[str, int]:
    statement = (
        select(ChampionRow.trial_id, func.max(ChampionRow.generation))
        .where(ChampionRow.trial_id.in_(trial_ids), ChampionRow.state.in_(("validated", "published")))
        .group_by(ChampionRow.trial_id)
    )
    return _pairs(session.execute(statement))


def _counts(session: Session, trial_ids: Sequence[str]) -> dict[str, int]:
    statement = (
        select(ObservationRow.trial_id, func.count())
        .where(ObservationRow.trial_id.in_(trial_ids), ObservationRow.confirmed > 0)
        .group_by(ObservationRow.trial_id)
    )
    return _pairs(session.execute(statement))


def _pairs(rows: Iterable[Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in rows}
