"""Takes out of a champion every edit that is not needed, by measuring it with and without."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from dean_airflow.errors import EditError
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.pairs import CannotOpen, Pairs
from dean_airflow.evolution.judge.sequential import sign_test
from dean_airflow.evolution.judge.warm_pairs import NeedsFreshProcess
from dean_airflow.evolution.judge.worker import RequestFailed, WorkerDied

LOOKS = (16, 32, 64, 128, 256, 384)
"""Pairs after which an edit's worth is looked at."""
NEEDED_P = 0.005
LEAST_EFFECT = -0.002
"""ln(with / without): an edit that saves less is not worth a reviewer's time."""
GIVE_UP_ABOVE = {16: 0.02, 32: 0.004, 64: -0.001, 128: -0.002, 256: -0.0025}
"""Pairs → the median from which on an edit will hardly be shown to help. Wide at first: with 10 % of noise the median
of 32 pairs has a standard error of 3 %."""

Apply = Callable[[Genome], dict[str, str]]


@dataclass(frozen=True)
class Worth:
    """One edit's marginal effect in the champion: log ratios of the champion with it to the champion without it."""

    edit: Edit
    log_ratios: tuple[float, ...]

    @property
    def needed(self) -> bool:
        if not self.log_ratios:
            return False
        if len(set(self.log_ratios)) == 1:
            return self.log_ratios[0] < 0  # not measured but counted: nothing is too small to be true
        return median(self.log_ratios) < LEAST_EFFECT and sign_test(self.log_ratios) < NEEDED_P


def minimise(
    genome: Genome,
    apply: Apply,
    costing: Costing,
    pairs: Pairs,
    fresh: Pairs,
    rng: random.Random,
    keep_going: Callable[[], None] = lambda: None,
    time_left: Callable[[], bool] = lambda: True,
) -> tuple[Genome, list[Worth]]:
    """The genome without the edits that do not help, and the worth of those that stay.

    The edits are looked at in reverse order, so that one that builds on another goes first. `apply` gives a genome's
    files and raises EditError where they do not fit together; an edit that others need to apply stays with them.
    `keep_going` is called before each edit and may raise to stop; without time left the rest stays unexamined.
    """
    kept = genome
    while True:
        worths: list[Worth] = []
        before = kept
        for edit in reversed(before):
            keep_going()
            if not time_left():
                return kept, worths[::-1]
            worth = _worth(edit, kept, apply, costing, pairs, fresh, rng)
            if worth is None:
                continue
            if worth.needed:
                worths.append(worth)
            else:
                kept = tuple(one for one in kept if one != edit)
        if kept == before or len(kept) <= 1:
            return kept, worths[::-1]


def _worth(
    edit: Edit, genome: Genome, apply: Apply, costing: Costing, pairs: Pairs, fresh: Pairs, rng: random.Random
) -> Worth | None:
    """None for an edit without which the rest cannot be applied or loaded."""
    try:
        without = apply(tuple(one for one in genome if one != edit))
    except EditError:
        return None
    files = apply(genome)
    if without == files:
        return Worth(edit, ())
    try:
        try:
            pairs.open(files, without)
            return Worth(edit, _measured(pairs, costing, costing.constant(files, without, pairs, rng), rng))
        except NeedsFreshProcess:
            fresh.open(files, without)
            return Worth(edit, _measured(fresh, costing, costing.constant(files, without, fresh, rng), rng))
    except (CannotOpen, WorkerDied, RequestFailed):
        pairs.close()
        return None
    finally:
        fresh.close()


def _measured(pairs: Pairs, costing: Costing, constant: float, rng: random.Random) -> tuple[float, ...]:
    if not costing.runtime:
        return (constant,) * LOOKS[0]
    taken: list[float] = []
    for upto in LOOKS:
        count = upto - len(taken)
        seeds = [rng.randrange(2**31) for _ in range(count)]
        taken += [costing.runtime * pair.log_ratio + constant for pair in pairs.take(seeds, [False] * count)]
        middle = median(taken)
        if len(taken) in GIVE_UP_ABOVE and middle > GIVE_UP_ABOVE[len(taken)]:
            break
        if len(taken) >= LOOKS[1] and middle < LEAST_EFFECT and sign_test(taken) < NEEDED_P:
            break
    return tuple(taken)
