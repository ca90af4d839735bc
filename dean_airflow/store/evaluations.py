"""Evaluations: every candidate judged, in the order its island did it, so that a retry replays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from dean_airflow.errors import StoreError
from dean_airflow.evolution.judge.evaluation import Evaluation, Stage, Verdict
from dean_airflow.store.database import Database
from dean_airflow.store.fence import Held, require_lease
from dean_airflow.store.models import EvaluationRow


@dataclass(frozen=True)
class NumberedEvaluation:
    """An evaluation's place: `sequence` counts 0, 1, 2, … within the island, without gaps, over all generations."""

    sequence: int
    generation: int
    evaluation: Evaluation


class Evaluations:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, lease: Held, batch: Sequence[NumberedEvaluation]) -> None:
        """Keeps the whole batch or nothing.

        Sequences follow on from what is kept; those already there are left alone if they are the same candidates.
        Raises TrialNotFound, TrialCancelled, LeaseLost; StoreError if the batch leaves a gap or contradicts the record.
        """
        if not batch:
            return
        rows = [self._row(lease, numbered) for numbered in batch]

        def work(session: Session) -> None:
            require_lease(session, lease)
            kept = _next_sequence(session, lease.trial_id, lease.island)
            _check_order(session, lease, batch, kept)
            if new := [row for row in rows if row["sequence"] >= kept]:
                session.execute(insert(EvaluationRow), new)

        self._database.write(work)

    def for_island(self, trial_id: str, island: int) -> list[NumberedEvaluation]:
        """All of an island's, by sequence."""
        statement = (
            select(EvaluationRow)
            .where(EvaluationRow.trial_id == trial_id, EvaluationRow.island == island)
            .order_by(EvaluationRow.sequence)
        )
        return self._database.read(lambda session: [read_evaluation(row) for row in session.scalars(statement)])

    def for_trial(self, trial_id: str) -> list[tuple[int, NumberedEvaluation]]:
        """All of a trial's with their islands, by island and sequence."""
        statement = (
            select(EvaluationRow)
            .where(EvaluationRow.trial_id == trial_id)
            .order_by(EvaluationRow.island, EvaluationRow.sequence)
        )
        return self._database.read(
            lambda session: [(row.island, read_evaluation(row)) for row in session.scalars(statement)]
        )

    def best(self, trial_id: str, limit: int = 10) -> list[tuple[int, NumberedEvaluation]]:
        """The trial's fittest with their islands, best first; equal ones by island and sequence."""
        statement = (
            select(EvaluationRow)
            .where(EvaluationRow.trial_id == trial_id)
            .order_by(EvaluationRow.fitness.desc(), EvaluationRow.island, EvaluationRow.sequence)
            .limit(limit)
        )
        return self._database.read(
            lambda session: [(row.island, read_evaluation(row)) for row in session.scalars(statement)]
        )

    def count(self, trial_id: str, island: int | None = None) -> int:
        """How many a trial has, or one island of it."""
        statement: Select[Any] = select(func.count()).select_from(EvaluationRow)
        statement = statement.where(EvaluationRow.trial_id == trial_id)
        if island is not None:
            statement = statement.where(EvaluationRow.island == island)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def seconds(self, trial_id: str, island: int) -> float:
        """What judging took in an island so far, in its own running time."""
        statement = select(func.sum(EvaluationRow.seconds)).where(
            EvaluationRow.trial_id == trial_id, EvaluationRow.island == island
        )
        return self._database.read(lambda session: session.scalar(statement) or 0.0)

    def _row(self, lease: Held, numbered: NumberedEvaluation) -> dict[str, Any]:
        evaluation = numbered.evaluation
        return {
            "trial_id": lease.trial_id,
            "island": lease.island,
            "sequence": numbered.sequence,
            "generation": numbered.generation,
            "key": evaluation.key,
            "genome": list(evaluation.genome),
            "verdict": evaluation.verdict,
            "stage": evaluation.stage,
            "reason": evaluation.reason,
            "fitness": evaluation.fitness,
            "cost": evaluation.cost,
            "ratios": evaluation.ratios,
            "pairs": evaluation.pairs,
            "seconds": evaluation.seconds,
            "log_ratios": evaluation.log_ratios,
            "details": evaluation.details,
            "created_at": self._now(),
        }


def _next_sequence(session: Session, trial_id: str, island: int) -> int:
    last = session.scalar(
        select(func.max(EvaluationRow.sequence)).where(
            EvaluationRow.trial_id == trial_id, EvaluationRow.island == island
        )
    )
    return 0 if last is None else last + 1


def _check_order(session: Session, lease: Held, batch: Sequence[NumberedEvaluation], kept: int) -> None:
    numbers = [numbered.sequence for numbered in batch]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or not 0 <= numbers[0] <= kept:
        raise StoreError(
            f"Evaluations {numbers[0]}..{numbers[-1]} of island {lease.island} of trial {lease.trial_id} "
            f"do not follow on from the {kept} kept."
        )
    for numbered in _already_kept(batch, kept):
        row = session.get(EvaluationRow, (lease.trial_id, lease.island, numbered.sequence))
        if row is None or row.key != numbered.evaluation.key:
            raise StoreError(
                f"Evaluation {numbered.sequence} of island {lease.island} of trial {lease.trial_id} "
                "is on record for another candidate."
            )


def _already_kept(batch: Sequence[NumberedEvaluation], kept: int) -> Iterator[NumberedEvaluation]:
    return (numbered for numbered in batch if numbered.sequence < kept)


def read_evaluation(row: EvaluationRow) -> NumberedEvaluation:
    evaluation = Evaluation(
        key=row.key,
        genome=tuple(row.genome),
        verdict=cast(Verdict, row.verdict),
        stage=cast(Stage, row.stage),
        reason=row.reason,
        fitness=row.fitness,
        cost=row.cost,
        ratios=row.ratios,
        pairs=row.pairs,
        seconds=row.seconds,
        log_ratios=row.log_ratios,
        details=row.details,
    )
    return NumberedEvaluation(row.sequence, row.generation, evaluation)
