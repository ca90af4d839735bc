"""The topic `trial:<id>`: one trial as it moves: its events, and what its evaluations add up to.

Evaluations are told as sums by generation and verdict, made by the database, so that a trial of hundreds a second costs
a page no more than a slow one. Each evaluation is in exactly one sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from dean_airflow.feed.frame import Frame
from dean_airflow.feed.position import Position
from dean_airflow.feed.trial_summary import summaries
from dean_airflow.feed.trials_source import TRIALS
from dean_airflow.store.changes import last_change
from dean_airflow.store.models import EvaluationRow, EventRow, LeaseRow
from dean_airflow.store.store import Store

NEWEST = 20
"""Candidates that a frame names; the page asks for others by HTTP."""
_START = Position((0, 0))


class TrialSource:
    """`dag` is that of the trial's run."""

    pause = 0.2

    def __init__(self, store: Store, trial_id: str, dag: str | None) -> None:
        self._store, self._id, self.dag = store, trial_id, dag
        self._topic = f"trial:{trial_id}"

    def head(self) -> Position | None:
        return self._store.database.read(self._head)

    def snapshot(self, head: Position) -> Sequence[Frame]:
        return [self._frame("snapshot", _START, head)]

    def between(self, after: Position, until: Position) -> Sequence[Frame] | None:
        return [self._frame("trial_progress", after, until)] if until.covers(after) else None

    def gone(self) -> Frame:
        return Frame("trial_removed", self._topic, None, {"trial_id": self._id}, store=self._store.id, last=True)

    def _head(self, session: Session) -> Position | None:
        if not summaries(session, [self._id]):
            return None
        last_event = select(func.max(EventRow.sequence)).where(EventRow.trial_id == self._id)
        islands = {}
        # Whoever evaluates has a lease, and there are fewer of those than of evaluations.
        for island in session.scalars(select(LeaseRow.island).where(LeaseRow.trial_id == self._id)):
            newest = select(func.max(EvaluationRow.sequence)).where(
                EvaluationRow.trial_id == self._id, EvaluationRow.island == island
            )
            last = session.scalar(newest)
            if last is not None:
                islands[island] = last + 1
        return Position((last_change(session, TRIALS, self._id), session.scalar(last_event) or 0), islands)

    def _frame(self, kind: str, after: Position, until: Position) -> Frame:
        data = self._store.database.read(lambda session: self._read(session, after, until))
        return Frame(kind, self._topic, until, data, store=self._store.id)

    def _read(self, session: Session, after: Position, until: Position) -> dict[str, Any]:
        generations, verdicts = self._sums(session, after, until)
        return {
            "trial": summaries(session, [self._id]).get(self._id),
            "events": self._events(session, after.counts[1], until.counts[1]),
            "evaluations": verdicts.total(),
            "verdicts": dict(verdicts),
            "generations": generations,
            "candidates": self._candidates(session, after, until),
        }

    def _events(self, session: Session, after: int, until: int) -> list[dict[str, Any]]:
        statement = (
            select(EventRow.sequence, EventRow.kind, EventRow.data, EventRow.created_at)
            .where(EventRow.trial_id == self._id, EventRow.sequence > after, EventRow.sequence <= until)
            .order_by(EventRow.sequence)
        )
        return [
            {"sequence": row.sequence, "kind": row.kind, "data": row.data, "created_at": row.created_at.isoformat()}
            for row in session.execute(statement)
        ]

    def _sums(self, session: Session, after: Position, until: Position) -> tuple[list[dict[str, Any]], Counter[str]]:
        """By generation and in all."""
        new = self._new(after, until)
        if new is None:
            return [], Counter()
        statement = (
            select(
                EvaluationRow.generation,
                EvaluationRow.verdict,
                func.count(),
                func.max(EvaluationRow.fitness),
                func.min(EvaluationRow.cost),
            )
            .where(new)
            .group_by(EvaluationRow.generation, EvaluationRow.verdict)
        )
        made: dict[int, dict[str, Any]] = {}
        verdicts: Counter[str] = Counter()
        for number, verdict, count, fitness, cost in sorted(session.execute(statement).all()):
            generation = made.setdefault(
                number,
                {"generation": number, "evaluations": 0, "verdicts": {}, "best_fitness": None, "best_cost": None},
            )
            generation["evaluations"] += count
            generation["verdicts"][verdict] = count
            verdicts[verdict] += count
            if verdict == "win":
                generation["best_fitness"], generation["best_cost"] = fitness, cost
        return list(made.values()), verdicts

    def _candidates(self, session: Session, after: Position, until: Position) -> list[dict[str, Any]]:
        """Of each island its newest, so that every one of them is found by its key; then the newest of those."""
        found: list[Any] = []
        for island, last in until.islands.items():
            first = max(after.islands.get(island, 0), last - NEWEST)
            if first >= last:
                continue
            statement = select(
                *(
                    getattr(EvaluationRow, name)
                    for name in (
                        *("island", "sequence", "generation", "key", "verdict", "stage", "reason", "fitness", "cost"),
                        *("genome", "created_at"),
                    )
                )
            ).where(
                EvaluationRow.trial_id == self._id,
                EvaluationRow.island == island,
                EvaluationRow.sequence >= first,
                EvaluationRow.sequence < last,
            )
            found += session.execute(statement).all()
        newest = sorted(found, key=lambda row: (row.created_at, row.island, row.sequence))[-NEWEST:]
        return [
            {
                **{
                    name: getattr(row, name) for name in ("island", "sequence", "generation", "key", "verdict", "stage")
                },
                **{name: getattr(row, name) for name in ("fitness", "cost")},
                "reason": row.reason[:500],
                "edits": len(row.genome),
                "created_at": row.created_at.isoformat(),
            }
            for row in newest
        ]

    def _new(self, after: Position, until: Position) -> ColumnElement[bool] | None:
        """Which evaluations came after one position up to the other; None: none did."""
        parts = [
            and_(
                EvaluationRow.island == island,
                EvaluationRow.sequence >= after.islands.get(island, 0),
                EvaluationRow.sequence < last,
            )
            for island, last in until.islands.items()
            if last > after.islands.get(island, 0)
        ]
        return and_(EvaluationRow.trial_id == self._id, or_(*parts)) if parts else None
