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
    """What some edits are worth together: log ratios of a genome with them to the same genome without them."""

    log_ratios: tuple[float, ...]

    @property
    def needed(self) -> bool:
        if not self.log_ratios:
            return False
        if len(set(self.log_ratios)) == 1:
            return self.log_ratios[0] < 0  # not measured but counted: nothing is too small to be true
        return median(self.log_ratios) < LEAST_EFFECT and sign_test(self.log_ratios) < NEEDED_P


@dataclass
class Minimiser:
    """Measures versions of a champion against one another. `fresh` serves where `pairs` cannot swap."""

    apply: Apply
    """A genome's files; raises EditError where edits do not fit together."""
    costing: Costing
    pairs: Pairs
    fresh: Pairs
    rng: random.Random
    keep_going: Callable[[], None] = lambda: None
    """Called before each measurement; may raise to stop."""
    time_left: Callable[[], bool] = lambda: True
    """Once it says no, what has not been looked at stays."""

    def minimise(self, genome: Genome) -> Genome:
        """The genome without what does not help, in its order.

        First each edit alone, in reverse order, so that one that builds on another goes first. Edits too small to be
        seen alone may still count together: if the champion is measurably faster than what is left, the halves of
        what went are tried, and so on down, and whatever is shown to help comes back. So every edit that stays, or
        the smallest group around it that can be told apart, is needed.
        """
        kept = self._without_idle(genome)
        gone = _in_order(genome, set(genome) - set(kept))
        if len(gone) > 1 and kept and self._needed(gone, genome):
            kept = self._regained(kept, gone, genome)
        return kept

    def _without_idle(self, genome: Genome) -> Genome:
        kept = genome
        while True:
            before = kept
            for edit in reversed(before):
                if len(kept) > 1 and self.time_left() and not self._needed((edit,), kept):
                    kept = tuple(one for one in kept if one != edit)
            if kept == before or len(kept) <= 1 or not self.time_left():
                return kept

    def _regained(self, kept: Genome, group: Genome, genome: Genome) -> Genome:
        """`kept` with what of `group`, which helps as a whole, is shown to help."""
        if len(group) == 1 or not self.time_left():
            return _in_order(genome, {*kept, *group})
        found = False
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            with_half = _in_order(genome, {*kept, *half})
            if self._needed(half, with_half):
                kept, found = self._regained(kept, half, genome), True
        return kept if found else _in_order(genome, {*kept, *group})

    def _needed(self, edits: Genome, genome: Genome) -> bool:
        """Whether a genome is measurably slower without these of its edits, or impossible."""
        self.keep_going()
        try:
            worth = self._worth(edits, genome)
        except EditError:
            return True
        except (CannotOpen, WorkerDied, RequestFailed):
            self.pairs.close()
            return True
        finally:
            self.fresh.close()
        return worth.needed

    def _worth(self, edits: Genome, genome: Genome) -> Worth:
        without = self.apply(tuple(one for one in genome if one not in edits))
        files = self.apply(genome)
        if without == files:
            return Worth(())
        try:
            self.pairs.open(files, without)
            return self._measured(self.pairs, files, without)
        except NeedsFreshProcess:
            self.fresh.open(files, without)
            return self._measured(self.fresh, files, without)

    def _measured(self, pairs: Pairs, files: dict[str, str], without: dict[str, str]) -> Worth:
        constant = self.costing.constant(files, without, pairs, self.rng)
        if not self.costing.runtime:
            return Worth((constant,))
        taken: list[float] = []
        for upto in LOOKS:
            count = upto - len(taken)
            seeds = [self.rng.randrange(2**31) for _ in range(count)]
            taken += [self.costing.runtime * pair.log_ratio + constant for pair in pairs.take(seeds, [False] * count)]
            middle = median(taken)
            if len(taken) in GIVE_UP_ABOVE and middle > GIVE_UP_ABOVE[len(taken)]:
                break
            if len(taken) >= LOOKS[1] and middle < LEAST_EFFECT and sign_test(taken) < NEEDED_P:
                break
        return Worth(tuple(taken))


def _in_order(genome: Genome, chosen: set[Edit]) -> Genome:
    return tuple(edit for edit in genome if edit in chosen)
