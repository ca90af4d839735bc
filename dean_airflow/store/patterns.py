"""Patterns: how often an edit kind was tried in a context, how often it won, and by how much; over all trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dean_airflow.errors import TrialNotFound
from dean_airflow.store.database import Database
from dean_airflow.store.ids import new_pattern_id
from dean_airflow.store.models import NAME_LENGTH, ObservationRow, PatternRow, TrialRow


@dataclass(frozen=True)
class Observation:
    """What one trial saw of an edit kind in a context (a short word such as a feature of the hot function).

    `tried` candidates with it were judged, `confirmed` edits of it stayed in a confirmed champion; `effects` are
    those edits' measured ln(cost with / cost without): below 0 is a gain.
    """

    kind: str
    context: str
    tried: int
    confirmed: int
    effects: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pattern:
    """The sum of all observations. `mean_effect` is the mean ln(cost ratio), None before the first measured one."""

    id: str
    kind: str
    context: str
    tries: int
    confirmed_wins: int
    mean_effect: float | None
    first_trial_id: str
    discovered_at: datetime
    last_used_at: datetime

    @property
    def confidence(self) -> float:
        """Certainty that it works here, 0..1: the mean of the Beta posterior of its win rate under a flat prior."""
        return (self.confirmed_wins + 1) / (self.tries + 2)

    @property
    def effectiveness(self) -> float | None:
        """Measured benefit, 0..1: the share of the cost that its confirmed edits saved, None before the first."""
        return None if self.mean_effect is None else max(0.0, -math.expm1(self.mean_effect))

    @property
    def impact(self) -> float:
        """For ranking, 0..1: confidence times effectiveness."""
        return self.confidence * (self.effectiveness or 0.0)


class Patterns:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def record(
        self, kind: str, context: str, *, tried: int, confirmed: int, effects: Sequence[float], trial_id: str
    ) -> None:
        """As `record_all` for one observation."""
        self.record_all(trial_id, [Observation(kind, context, tried, confirmed, tuple(effects))])

    def record_all(self, trial_id: str, observations: Sequence[Observation]) -> None:
        """Adds what a trial saw, in one transaction; seeing the same kind and context again replaces what it said.

        Accepted for stopped trials too: what they measured is true. Raises TrialNotFound; ValueError for counts
        below 0, more wins than tries, or names above 250 characters.
        """
        for seen in observations:
            if not 0 <= seen.confirmed <= seen.tried:
                raise ValueError(f"{seen.confirmed} confirmed wins of {seen.tried} tries is impossible")
            if max(len(seen.kind), len(seen.context)) > NAME_LENGTH:
                raise ValueError(f"a kind or a context is longer than {NAME_LENGTH} characters")

        def work(session: Session) -> None:
            lock = select(TrialRow.id).where(TrialRow.id == trial_id).with_for_update(key_share=True)
            if session.scalar(lock) is None:
                raise TrialNotFound(f"There is no trial {trial_id} in this store.")
            # One order for all, or two trials recording the same patterns could wait for each other.
            for seen in sorted(observations, key=lambda seen: (seen.kind, seen.context)):
                self._add(session, trial_id, seen)

        self._database.write(work)

    def priors(self) -> dict[tuple[str, str], Pattern]:
        """Every pattern by (kind, context)."""
        return {(pattern.kind, pattern.context): pattern for pattern in self.list()}

    def list(self) -> Sequence[Pattern]:
        """Highest impact first."""
        found = self._database.read(lambda session: [read_pattern(row) for row in session.scalars(select(PatternRow))])
        return sorted(found, key=lambda pattern: (-pattern.impact, pattern.kind, pattern.context))

    def of_trial(self, trial_id: str) -> Sequence[Pattern]:
        """The patterns a trial contributed to, by kind and context."""
        statement = (
            select(PatternRow)
            .join(ObservationRow, ObservationRow.pattern_id == PatternRow.id)
            .where(ObservationRow.trial_id == trial_id)
            .order_by(PatternRow.kind, PatternRow.context)
        )
        return self._database.read(lambda session: [read_pattern(row) for row in session.scalars(statement)])

    def _add(self, session: Session, trial_id: str, seen: Observation) -> None:
        pattern = self._pattern(session, trial_id, seen)
        row = session.get(ObservationRow, (pattern.id, trial_id))
        if row is None:
            row = ObservationRow(
                pattern_id=pattern.id, trial_id=trial_id, tried=0, confirmed=0, effect_sum=0.0, effect_count=0
            )
            session.add(row)
        effect_sum = math.fsum(seen.effects)
        pattern.tries += seen.tried - row.tried
        pattern.confirmed_wins += seen.confirmed - row.confirmed
        pattern.effect_sum += effect_sum - row.effect_sum
        pattern.effect_count += len(seen.effects) - row.effect_count
        pattern.last_used_at = self._now()
        row.tried, row.confirmed = seen.tried, seen.confirmed
        row.effect_sum, row.effect_count = effect_sum, len(seen.effects)

    def _pattern(self, session: Session, trial_id: str, seen: Observation) -> PatternRow:
        row = session.scalar(
            select(PatternRow).where(PatternRow.kind == seen.kind, PatternRow.context == seen.context).with_for_update()
        )
        if row is None:
            row = PatternRow(
                id=new_pattern_id(),
                kind=seen.kind,
                context=seen.context,
                tries=0,
                confirmed_wins=0,
                effect_sum=0.0,
                effect_count=0,
                first_trial_id=trial_id,
                discovered_at=self._now(),
                last_used_at=self._now(),
            )
            session.add(row)
            session.flush()
        return row


def read_pattern(row: PatternRow) -> Pattern:
    return Pattern(
        id=row.id,
        kind=row.kind,
        context=row.context,
        tries=row.tries,
        confirmed_wins=row.confirmed_wins,
        mean_effect=row.effect_sum / row.effect_count if row.effect_count else None,
        first_trial_id=row.first_trial_id,
        discovered_at=row.discovered_at,
        last_used_at=row.last_used_at,
    )
