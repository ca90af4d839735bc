"""Agents and populations as IndexAgent tells them: those that clients made, and the candidates and islands of trials.

A candidate is the agent `agent-<trial>-<island>-<sequence>`, an island the population `pop-<trial>-<island>`; both are
read from what the trial recorded, and never changed here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from dean_airflow.store.database import Database
from dean_airflow.store.fence import FINAL, UNDER_WAY
from dean_airflow.store.models import EvaluationRow, TrialRow
from dean_airflow.store.server_models import AgentRow, PopulationRow

CANDIDATE = "candidate"
"""The type of agents that are candidates of trials."""
_AGENT = re.compile(r"agent-(.+)-(\d{1,9})-(\d{1,9})")
_POPULATION = re.compile(r"pop-(.+)-(\d{1,9})")
_CHANGEABLE = {"name", "status", "generation", "fitness", "config", "genome", "token_budget", "patterns", "parents"}


@dataclass(frozen=True)
class StoredAgent:
    """`fitness` is None until measured. `genome` has traits and strategies; a candidate's strategies are its edits."""

    id: str
    name: str
    type: str | None
    status: str
    generation: int
    fitness: float | None
    created_at: datetime
    population_id: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    genome: dict[str, Any] = field(default_factory=dict)
    token_budget: int | None = None
    patterns: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    updated_at: datetime | None = None


@dataclass(frozen=True)
class StoredPopulation:
    id: str
    config: dict[str, Any]
    generation: int
    created_at: datetime
    agents: Sequence[StoredAgent]
    best_fitness: float | None = None
    """The best that was known of it before its present generation."""
    of_trial: bool = False
    """It is an island: only its trial takes it further."""


class Agents:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, agents: Sequence[StoredAgent], population: StoredPopulation | None = None) -> None:
        """Keeps agents of a client's, and the population they make up where it is given; all or nothing."""

        def work(session: Session) -> None:
            if population is not None and session.get(PopulationRow, population.id) is None:
                session.add(
                    PopulationRow(
                        id=population.id,
                        config=population.config,
                        generation=population.generation,
                        created_at=population.created_at,
                    )
                )
                session.flush()
            for agent in agents:
                session.merge(AgentRow(**{name: getattr(agent, name) for name in _NAMES}))

        self._database.write(work)

    def get(self, agent_id: str) -> StoredAgent | None:
        def work(session: Session) -> StoredAgent | None:
            row = session.get(AgentRow, agent_id)
            if row is not None:
                return _read(row)
            found = _AGENT.fullmatch(agent_id)
            if found is None:
                return None
            this = (
                EvaluationRow.trial_id == found[1],
                EvaluationRow.island == int(found[2]),
                EvaluationRow.sequence == int(found[3]),
            )
            return next(iter(_candidates(session, this, 1, 0)), None)

        return self._database.read(work)

    def list(
        self,
        *,
        status: str | None = None,
        generation: int | None = None,
        type: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[Sequence[StoredAgent], int]:
        """Agents of clients, newest first, then candidates, those of the newest trial first; and how many in all."""
        own = [
            *([AgentRow.status == status] if status is not None else []),
            *([AgentRow.generation == generation] if generation is not None else []),
            *([AgentRow.type == type] if type is not None else []),
        ]
        theirs = _candidate_filters(status, generation, type)

        def work(session: Session) -> tuple[list[StoredAgent], int]:
            count = session.scalar(select(func.count()).select_from(AgentRow).where(*own)) or 0
            statement = select(AgentRow).where(*own).order_by(AgentRow.created_at.desc(), AgentRow.id)
            page = [_read(row) for row in session.scalars(statement.limit(limit).offset(offset))]
            if theirs is None:
                return page, count
            candidates = session.scalar(
                select(func.count())
                .select_from(EvaluationRow)
                .join(TrialRow, TrialRow.id == EvaluationRow.trial_id)
                .where(*theirs)
            )
            if len(page) < limit:
                page += _candidates(session, theirs, limit - len(page), max(0, offset - count))
            return page, count + (candidates or 0)

        return self._database.read(work)

    def change(self, agent_id: str, **changes: Any) -> StoredAgent | None:
        """A client's agent after the change, None if there is none of that id."""
        assert set(changes) <= _CHANGEABLE

        def work(session: Session) -> StoredAgent | None:
            row = session.get(AgentRow, agent_id, with_for_update=True)
            if row is None:
                return None
            for name, value in changes.items():
                setattr(row, name, value)
            row.updated_at = self._now()
            return _read(row)

        return self._database.write(work)

    def remove(self, agent_id: str) -> bool:
        """Whether there was such an agent of a client's, which is gone now."""
        gone = delete(AgentRow).where(AgentRow.id == agent_id).returning(AgentRow.id)
        return self._database.write(lambda session: session.scalar(gone) is not None)

    def teach(self, pattern_id: str, agent_ids: Sequence[str]) -> int:
        """How many of these agents of clients know the pattern now and did not before."""

        def work(session: Session) -> int:
            statement = select(AgentRow).where(AgentRow.id.in_(agent_ids)).order_by(AgentRow.id).with_for_update()
            rows = [row for row in session.scalars(statement) if pattern_id not in row.patterns]
            for row in rows:
                row.patterns = [*row.patterns, pattern_id]
                row.updated_at = self._now()
            return len(rows)

        return self._database.write(work)

    def descent(self, agent_id: str) -> tuple[Sequence[str], Sequence[str]]:
        """Ancestors and descendants of a client's agent by the parents on record, nearest first."""

        def work(session: Session) -> tuple[Sequence[str], Sequence[str]]:
            rows = session.execute(select(AgentRow.id, AgentRow.parents)).all()
            parents: dict[str, Any] = {row[0]: row[1] for row in rows}
            children: dict[str, Any] = {}
            for child, its in parents.items():
                for parent in its:
                    children.setdefault(parent, []).append(child)
            return _reach(agent_id, parents), _reach(agent_id, children)

        return self._database.read(work)

    def population(self, population_id: str) -> StoredPopulation | None:
        """A client's population with its agents, or an island with the candidates of its last generation."""

        def work(session: Session) -> StoredPopulation | None:
            row = session.get(PopulationRow, population_id)
            if row is not None:
                statement = select(AgentRow).where(AgentRow.population_id == row.id).order_by(AgentRow.id)
                agents = [_read(agent) for agent in session.scalars(statement)]
                return StoredPopulation(row.id, row.config, row.generation, row.created_at, agents, row.best_fitness)
            found = _POPULATION.fullmatch(population_id)
            return None if found is None else _island(session, population_id, found[1], int(found[2]))

        return self._database.read(work)

    def made(self, limit: int) -> Sequence[StoredAgent]:
        """The newest agents of clients."""
        statement = select(AgentRow).order_by(AgentRow.created_at.desc(), AgentRow.id).limit(limit)
        return self._database.read(lambda session: [_read(row) for row in session.scalars(statement)])

    def islands(self, trial_id: str) -> Sequence[StoredPopulation]:
        """The islands of a trial that have judged anything."""

        def work(session: Session) -> list[StoredPopulation]:
            numbers = select(EvaluationRow.island).where(EvaluationRow.trial_id == trial_id).distinct()
            found = [
                _island(session, f"pop-{trial_id}-{number}", trial_id, number)
                for number in sorted(session.scalars(numbers))
            ]
            return [island for island in found if island is not None]

        return self._database.read(work)

    def replace_generation(
        self, population_id: str, before: int, agents: Sequence[StoredAgent], gone: Sequence[str], best: float | None
    ) -> bool:
        """Puts a client's population into the generation after `before`; False if somebody else did so first."""

        def work(session: Session) -> bool:
            row = session.get(PopulationRow, population_id, with_for_update=True)
            if row is None or row.generation != before:
                return False
            row.generation, row.best_fitness = before + 1, best
            session.execute(delete(AgentRow).where(AgentRow.id.in_(gone)))
            for agent in agents:
                session.merge(AgentRow(**{name: getattr(agent, name) for name in _NAMES}))
            return True

        return self._database.write(work)

    def figures(self, since: datetime | None = None, until: datetime | None = None) -> dict[str, Any]:
        """`agents`, `populations` at work, mean `fitness` of what was measured (None: nothing): made in that time."""

        def within(column: Any) -> list[ColumnElement[bool]]:
            return [
                *([column >= since] if since is not None else []),
                *([column <= until] if until is not None else []),
            ]

        def work(session: Session) -> dict[str, Any]:
            own = session.execute(
                select(func.count(), func.sum(AgentRow.fitness), func.count(AgentRow.fitness)).where(
                    *within(AgentRow.created_at)
                )
            ).one()
            theirs = session.execute(
                select(func.count(), func.sum(EvaluationRow.fitness)).where(*within(EvaluationRow.created_at))
            ).one()
            measured = own[2] + theirs[0]
            islands = select(func.count()).select_from(TrialRow).where(TrialRow.status.in_(UNDER_WAY))
            return {
                "agents": own[0] + theirs[0],
                "populations": (session.scalar(select(func.count()).select_from(PopulationRow)) or 0)
                + (session.scalar(islands) or 0),
                "fitness": ((own[1] or 0.0) + (theirs[1] or 0.0)) / measured if measured else None,
                "made": own[0],
            }

        return self._database.read(work)


def is_candidate(agent_id: str) -> bool:
    """Whether the id is one of a trial's candidate's; clients' agents have another form."""
    return _AGENT.fullmatch(agent_id) is not None


def new_agent_id() -> str:
    return "agent-" + secrets.token_hex(8)


def new_population_id() -> str:
    return "pop-" + secrets.token_hex(8)


def _island(session: Session, population_id: str, trial_id: str, island: int) -> StoredPopulation | None:
    trial = session.get(TrialRow, trial_id)
    its = (EvaluationRow.trial_id == trial_id, EvaluationRow.island == island)
    last = session.scalar(select(func.max(EvaluationRow.generation)).where(*its))
    if trial is None or last is None:
        return None
    agents = _candidates(session, (*its, EvaluationRow.generation == last), 1000, 0)
    earlier = session.scalar(select(func.max(EvaluationRow.fitness)).where(*its, EvaluationRow.generation < last))
    return StoredPopulation(population_id, trial.config, last, trial.created_at, agents, earlier, of_trial=True)


def _candidate_filters(status: str | None, generation: int | None, type: str | None) -> tuple[Any, ...] | None:
    """None: no candidate can match."""
    if type not in (None, CANDIDATE) or status not in (None, "evolving", "archived"):
        return None
    return (
        *([TrialRow.status.in_(UNDER_WAY if status == "evolving" else FINAL)] if status is not None else []),
        *([EvaluationRow.generation == generation] if generation is not None else []),
    )


def _candidates(session: Session, wanted: Sequence[Any], limit: int, offset: int) -> list[StoredAgent]:
    columns = (EvaluationRow.trial_id, EvaluationRow.island, EvaluationRow.sequence, EvaluationRow.generation)
    statement = (
        select(*columns, EvaluationRow.genome, EvaluationRow.fitness, EvaluationRow.created_at, TrialRow.status)
        .join(TrialRow, TrialRow.id == EvaluationRow.trial_id)
        .where(*wanted)
        .order_by(TrialRow.created_at.desc(), *columns[:3])
        .limit(limit)
        .offset(offset)
    )
    return [
        StoredAgent(
            id=f"agent-{trial}-{island}-{sequence}",
            name=f"candidate {sequence} of island {island} of {trial}",
            type=CANDIDATE,
            status="archived" if status in FINAL else "evolving",
            generation=generation,
            fitness=fitness,
            created_at=created_at,
            population_id=f"pop-{trial}-{island}",
            genome={"strategies": genome},
        )
        for trial, island, sequence, generation, genome, fitness, created_at, status in session.execute(statement)
    ]


def _reach(start: str, edges: dict[str, list[str]]) -> list[str]:
    """Everything reachable, breadth first; what is reached twice counts once."""
    seen, queue = {start}, [start]
    for agent in queue:
        for other in edges.get(agent, ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return queue[1:]


_NAMES = [one.name for one in fields(StoredAgent)]


def _read(row: AgentRow) -> StoredAgent:
    return StoredAgent(**{name: getattr(row, name) for name in _NAMES})
