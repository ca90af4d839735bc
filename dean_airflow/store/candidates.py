"""Candidates as a page lists them, and what each generation came to; told by one index, a row is read when shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Text, and_, case, func, select, tuple_, type_coerce
from sqlalchemy.orm import Session

from dean_airflow.evolution.judge.evaluation import Verdict
from dean_airflow.store.database import Database
from dean_airflow.store.evaluations import NumberedEvaluation, read_evaluation
from dean_airflow.store.models import EvaluationRow, EventRow, MigrantRow

CandidateOrder = Literal["sequence", "generation", "fitness", "cost", "verdict"]
SINGLES_AT_MOST = 20_000
REASONS_AT_MOST = 12


@dataclass(frozen=True)
class CandidateFilter:
    island: int | None = None
    generation: int | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class GenerationTally:
    """The evaluations of one island's generation by verdict; `best_cost` is the least of those that won, if any did."""

    island: int
    generation: int
    verdicts: dict[str, int]
    best_cost: float | None


@dataclass(frozen=True)
class Taken:
    """What an island took of another one in a generation."""

    island: int
    generation: int
    from_island: int
    from_generation: int
    fitness: float
    genome: tuple[str, ...]


@dataclass(frozen=True)
class Single:
    """The candidates that were this edit alone: how many, how many won, and the least cost measured."""

    edit: str
    tried: int
    won: int
    least_cost: float | None


@dataclass(frozen=True)
class Winner:
    """A candidate that won its screening."""

    island: int
    sequence: int
    generation: int
    fitness: float
    genome: tuple[str, ...]


class Candidates:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        trial_id: str,
        wanted: CandidateFilter,
        *,
        order: CandidateOrder,
        descending: bool,
        limit: int,
        offset: int,
    ) -> tuple[Sequence[tuple[int, NumberedEvaluation]], int]:
        """The candidates of one page with their islands, and how many there are in all."""
        conditions = _conditions(trial_id, wanted)
        keys = _keys(order, descending)
        places = (
            select(EvaluationRow.island, EvaluationRow.sequence)
            .where(*conditions)
            .order_by(*keys)
            .limit(limit)
            .offset(offset)
        )
        count = select(func.count()).select_from(EvaluationRow).where(*conditions)

        def work(session: Session) -> tuple[list[tuple[int, NumberedEvaluation]], int]:
            found = [(row[0], row[1]) for row in session.execute(places)]
            rows = {(row.island, row.sequence): row for row in session.scalars(_rows(trial_id, found))} if found else {}
            listed = [(place[0], read_evaluation(rows[place])) for place in found if place in rows]
            return listed, session.scalar(count) or 0

        return self._database.read(work)

    def get(self, trial_id: str, island: int, sequence: int) -> NumberedEvaluation | None:
        def work(session: Session) -> NumberedEvaluation | None:
            row = session.get(EvaluationRow, (trial_id, island, sequence))
            return None if row is None else read_evaluation(row)

        return self._database.read(work)

    def tallies(self, trial_id: str) -> Sequence[GenerationTally]:
        """Of every island and generation, by both."""
        statement = (
            select(
                EvaluationRow.island,
                EvaluationRow.generation,
                EvaluationRow.verdict,
                func.count(),
                func.min(EvaluationRow.cost),
            )
            .where(EvaluationRow.trial_id == trial_id)
            .group_by(EvaluationRow.island, EvaluationRow.generation, EvaluationRow.verdict)
            .order_by(EvaluationRow.island, EvaluationRow.generation)
        )
        found: dict[tuple[int, int], tuple[dict[str, int], list[float]]] = {}
        for island, generation, verdict, number, cost in self._all(statement):
            verdicts, costs = found.setdefault((island, generation), ({}, []))
            verdicts[verdict] = number
            if verdict == "win" and cost is not None:
                costs.append(cost)
        return [
            GenerationTally(island, generation, verdicts, min(costs, default=None))
            for (island, generation), (verdicts, costs) in found.items()
        ]

    def stages(self, trial_id: str) -> Sequence[tuple[str, str, int]]:
        """(verdict, stage, how many), most first."""
        number = func.count()
        statement = (
            select(EvaluationRow.verdict, EvaluationRow.stage, number)
            .where(EvaluationRow.trial_id == trial_id)
            .group_by(EvaluationRow.verdict, EvaluationRow.stage)
            .order_by(number.desc(), EvaluationRow.verdict, EvaluationRow.stage)
        )
        return [(row[0], row[1], row[2]) for row in self._all(statement)]

    def reasons(self, trial_id: str) -> Sequence[tuple[str, int]]:
        """The commonest reasons for which candidates were invalid, and how many each; most first, a dozen at most."""
        number = func.count()
        statement = (
            select(EvaluationRow.reason, number)
            .where(EvaluationRow.trial_id == trial_id, EvaluationRow.verdict == "invalid")
            .group_by(EvaluationRow.reason)
            .order_by(number.desc(), EvaluationRow.reason)
            .limit(REASONS_AT_MOST)
        )
        return [(row[0], row[1]) for row in self._all(statement)]

    def singles(self, trial_id: str) -> Sequence[Single]:
        """What became of the candidates that were one edit alone, by edit."""
        genome = type_coerce(EvaluationRow.genome, Text)
        statement = (
            select(
                genome,
                func.count(),
                func.sum(case((EvaluationRow.verdict == "win", 1), else_=0)),
                func.min(EvaluationRow.cost),
            )
            .where(EvaluationRow.trial_id == trial_id, genome.not_like('%","%'))
            .group_by(genome)
            .limit(SINGLES_AT_MOST)
        )
        found = []
        for text, tried, won, cost in self._all(statement):
            edits = json.loads(text)
            if len(edits) == 1:
                found.append(Single(edits[0], tried, int(won), cost))
        return found

    def winners(self, trial_id: str, limit: int) -> Sequence[Winner]:
        """Those that won their screening, the earliest first."""
        statement = (
            select(
                EvaluationRow.island,
                EvaluationRow.sequence,
                EvaluationRow.generation,
                EvaluationRow.fitness,
                type_coerce(EvaluationRow.genome, Text),
            )
            .where(EvaluationRow.trial_id == trial_id, EvaluationRow.verdict == "win")
            .order_by(EvaluationRow.generation, EvaluationRow.island, EvaluationRow.sequence)
            .limit(limit)
        )
        return [Winner(row[0], row[1], row[2], row[3], tuple(json.loads(row[4]))) for row in self._all(statement)]

    def taken(self, trial_id: str, limit: int) -> Sequence[Taken]:
        """What islands took of one another, by generation."""
        statement = (
            select(MigrantRow)
            .where(MigrantRow.trial_id == trial_id, MigrantRow.from_island.is_not(None))
            .order_by(MigrantRow.generation, MigrantRow.island)
            .limit(limit)
        )
        return self._database.read(lambda session: [_taken(row) for row in session.scalars(statement)])

    def generations(self, trial_id: str) -> Sequence[tuple[Any, dict[str, Any]]]:
        """(when, data) of the trial's `generation` events, in the order they were told."""
        statement = (
            select(EventRow.created_at, EventRow.data)
            .where(EventRow.trial_id == trial_id, EventRow.kind == "generation")
            .order_by(EventRow.sequence)
        )
        return [(row[0], row[1]) for row in self._all(statement)]

    def _all(self, statement: Any) -> Sequence[Any]:
        return self._database.read(lambda session: session.execute(statement).all())


def _conditions(trial_id: str, wanted: CandidateFilter) -> list[ColumnElement[bool]]:
    conditions = [EvaluationRow.trial_id == trial_id]
    if wanted.island is not None:
        conditions.append(EvaluationRow.island == wanted.island)
    if wanted.generation is not None:
        conditions.append(EvaluationRow.generation == wanted.generation)
    if wanted.verdict is not None:
        conditions.append(EvaluationRow.verdict == wanted.verdict)
    return conditions


def _keys(order: CandidateOrder, descending: bool) -> list[Any]:
    columns: dict[str, Any] = {
        "sequence": EvaluationRow.sequence,
        "generation": EvaluationRow.generation,
        "fitness": EvaluationRow.fitness,
        "cost": EvaluationRow.cost,
        "verdict": EvaluationRow.verdict,
    }
    column = columns[order]
    first = [column.is_(None)] if order == "cost" else []
    return [*first, column.desc() if descending else column.asc(), EvaluationRow.island, EvaluationRow.sequence]


def _rows(trial_id: str, places: Sequence[tuple[int, int]]) -> Any:
    place = tuple_(EvaluationRow.island, EvaluationRow.sequence)
    return select(EvaluationRow).where(and_(EvaluationRow.trial_id == trial_id, place.in_(places)))


def _taken(row: MigrantRow) -> Taken:
    return Taken(
        row.island,
        row.generation,
        cast(int, row.from_island),
        cast(int, row.from_generation),
        row.fitness or 0.0,
        tuple(row.genome or ()),
    )
