"""Sums evaluations up for the report: verdicts by stage, why candidates were invalid, what each kind of edit gave."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.report.data import KindTally, Reason, Tally

MOST_REASONS = 12
_KIND = re.compile(r"~?([a-z]+\.[\w-]+) ")


@dataclass
class Counted:
    """Running counts; feed it every evaluation of a trial once."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    invalid: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    won: Counter[str] = field(default_factory=Counter)
    best: dict[str, float] = field(default_factory=dict)

    def add(self, evaluation: Evaluation) -> None:
        self.verdicts[evaluation.verdict, evaluation.stage] += 1
        if evaluation.verdict == "invalid":
            self.invalid[evaluation.reason or "no reason given"] += 1
        if len(evaluation.genome) == 1:
            self.add_kind(evaluation.genome[0], 1, int(evaluation.verdict == "win"), evaluation.cost)

    def add_kind(self, edit: str, tried: int, won: int, least_cost: float | None) -> None:
        """Candidates that were this edit alone: only such say something about its kind."""
        found = _KIND.match(edit)
        kind = found[1] if found else edit
        self.tried[kind] += tried
        self.won[kind] += won
        if least_cost is not None and least_cost > 0 and math.isfinite(least_cost):
            self.best[kind] = max(self.best.get(kind, 0.0), 1 / least_cost)


def count(evaluations: Iterable[Evaluation]) -> Counted:
    """The counts of all evaluations of a trial."""
    counted = Counted()
    for evaluation in evaluations:
        counted.add(evaluation)
    return counted


def tallies(counted: Counted) -> tuple[Tally, ...]:
    """Verdict and stage with their numbers, most first."""
    return tuple(Tally(verdict, stage, number) for (verdict, stage), number in counted.verdicts.most_common())


def reasons(counted: Counted) -> tuple[Reason, ...]:
    """The commonest reasons for which candidates were invalid; the rest are one line."""
    ranked = counted.invalid.most_common()
    rest = sum(number for _, number in ranked[MOST_REASONS:])
    shown = [Reason(text, number) for text, number in ranked[:MOST_REASONS]]
    return tuple([*shown, Reason("other reasons", rest)] if rest else shown)


def kinds(counted: Counted) -> tuple[KindTally, ...]:
    """Every kind tried alone: those that won first, then by how often they were tried."""
    ranked = sorted(counted.tried, key=lambda kind: (-counted.won[kind], -counted.tried[kind], kind))
    return tuple(KindTally(kind, counted.tried[kind], counted.won[kind], counted.best.get(kind)) for kind in ranked)
