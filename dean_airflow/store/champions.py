"""Champions: the candidates an island puts forward, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.fence import require_live_trial
from dean_airflow.store.models import ChampionRow

ChampionState = Literal["nominated", "confirmed", "refuted", "validated", "published"]


@dataclass(frozen=True)
class Champion:
    """A candidate named by its evaluation (island, sequence); `genome` loses edits when it is minimised."""

    trial_id: str
    island: int
    sequence: int
    generation: int
    genome: tuple[str, ...]
    fitness: float
    state: ChampionState = "nominated"
    details: dict[str, Any] = field(default_factory=dict)


class Champions:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def put(self, champion: Champion) -> None:
        """Keeps a champion, in place of what was known of it. Raises TrialNotFound, TrialCancelled."""

        def work(session: Session) -> None:
            require_live_trial(session, champion.trial_id)
            session.merge(
                ChampionRow(
                    trial_id=champion.trial_id,
                    island=champion.island,
                    sequence=champion.sequence,
                    generation=champion.generation,
                    genome=list(champion.genome),
                    fitness=champion.fitness,
                    state=champion.state,
                    details=champion.details,
                    updated_at=self._now(),
                )
            )

        self._database.write(work)

    def list(self, trial_id: str, *states: ChampionState) -> Sequence[Champion]:
        """A trial's, in these states or in any, fittest first; equal ones by island and sequence."""
        statement = select(ChampionRow).where(ChampionRow.trial_id == trial_id)
        if states:
            statement = statement.where(ChampionRow.state.in_(states))
        statement = statement.order_by(ChampionRow.fitness.desc(), ChampionRow.island, ChampionRow.sequence)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])


def _read(row: ChampionRow) -> Champion:
    return Champion(
        trial_id=row.trial_id,
        island=row.island,
        sequence=row.sequence,
        generation=row.generation,
        genome=tuple(row.genome),
        fitness=row.fitness,
        state=cast(ChampionState, row.state),
        details=row.details,
    )
