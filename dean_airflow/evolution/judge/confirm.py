"""The confirmation: is a champion's gain real, on fresh measurements that nobody selected on?

Processes differ from one another by more than runs within one (in A/A runs the medians of 60 pairs had a standard
deviation of 1.6 % between processes), so several fresh pairs of processes are taken, each with its own hash seed and
fresh inputs, and only the judge's own clock counts. A champion is confirmed if

1. a one-sided sign test over all pairs gives p below the level that Holm's procedure leaves it (α = 0.001 overall),
2. every pair of processes, but for one at most, shows a gain by its median, and
3. the mean of those medians is a gain above the floor of 2 %.

The 95 % interval of the effect is Student's, over the process pairs' medians: they are the independent observations.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.pairs import Pair, Pairs, put_off
from dean_airflow.evolution.judge.sequential import FLOOR, sign_test

PROCESS_PAIRS = 6
PAIRS_EACH = 32
"""Of measurements of 10 ms. On a busy machine 32 such pairs show a gain of 10 % more surely than 20 of twice the
length, in three quarters of the time: a burst of other work spoils fewer of them."""
PAIRS_EACH_OF_LONG_RUNS = 20
LONG_RUN = 0.02
"""Seconds of a measurement from which on fewer pairs will do."""
WARM_UP = 1
"""Pairs at the start of each process that are not counted: their caches are cold."""
ALPHA = 0.001


@dataclass(frozen=True)
class Confirmation:
    """Fresh measurements of one champion. Effects are ln(candidate cost / baseline cost): negative is a gain."""

    log_ratios: tuple[tuple[float, ...], ...]
    """By process pair, by the judge's clock."""
    baseline_seconds: tuple[float, ...]
    candidate_seconds: tuple[float, ...]
    floor: float = FLOOR
    """Share of the baseline's cost below which a gain is not claimed."""
    problem: str = ""
    """Why there are no full measurements: an output differed, a process ended."""

    @property
    def medians(self) -> list[float]:
        return [median(ratios) for ratios in self.log_ratios]

    @property
    def p_value(self) -> float:
        """One-sided sign test over all pairs."""
        return 1.0 if self.problem else sign_test([x for ratios in self.log_ratios for x in ratios])

    @property
    def effect(self) -> float:
        """Mean of the process pairs' medians."""
        return fmean(self.medians)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the effect (Student's t over the process pairs)."""
        return mean_interval(self.medians)

    @property
    def speedup(self) -> float:
        """Baseline cost / candidate cost."""
        return math.exp(-self.effect)

    @property
    def speedup_interval(self) -> tuple[float, float]:
        low, high = self.interval
        return math.exp(-high), math.exp(-low)

    @property
    def is_gain(self) -> bool:
        """Conditions 2 and 3 above."""
        if self.problem or is_futile(self.log_ratios, len(self.log_ratios)):
            return False
        return self.effect < math.log(1 - self.floor)


def is_futile(log_ratios: Sequence[Sequence[float]], process_pairs: int) -> bool:
    """Whether condition 2 fails already, however the rest of `process_pairs` turns out."""
    return sum(median(ratios) >= 0 for ratios in log_ratios) > process_pairs // PROCESS_PAIRS


def measure_afresh(
    open_pairs: Callable[[int], Pairs],
    files: dict[str, str],
    costing: Costing,
    rng: random.Random,
    *,
    against: dict[str, str] | None = None,
    process_pairs: int = PROCESS_PAIRS,
    pairs_each: int = PAIRS_EACH,
    to_the_end: bool = False,
    keep_going: Callable[[], None] = lambda: None,
) -> Confirmation:
    """Measures `files` over fresh process pairs. `open_pairs(hash_seed)` gives pairs whose processes are new.

    Ends early once the gain cannot be confirmed any more, unless the effect itself is wanted `to_the_end`. Every output
    is compared. Where runtime is no objective nothing is noisy, and one pair of processes shows the
    output. `keep_going` is called before each process pair and may raise to stop.
    Raises WorkerDied, CannotOpen.
    """
    groups: list[tuple[float, ...]] = []
    baseline: list[float] = []
    candidate: list[float] = []
    everything: list[Pair] = []
    if not costing.runtime:
        process_pairs, pairs_each = 1, PAIRS_EACH
    for _ in range(process_pairs):
        keep_going()
        pairs = open_pairs(rng.randrange(1, 2**32))
        try:
            pairs.open(files, against)
            constant = costing.constant(files, against or {}, pairs, rng)
            seeds = [rng.randrange(2**31) for _ in range(WARM_UP + pairs_each)]
            taken = pairs.take(seeds, [True] * len(seeds))
        finally:
            pairs.close()
        problem = next((pair.failed or pair.differs for pair in taken if pair.failed or pair.differs), "")
        if problem:
            return Confirmation((), (), (), problem=problem)
        counted = taken[WARM_UP:]
        everything += counted
        groups.append(tuple(costing.runtime * _by_the_judges_clock(pair) + constant for pair in counted))
        baseline += [pair.baseline[1] for pair in counted]
        candidate += [pair.candidate[1] for pair in counted]
        if not to_the_end and is_futile(groups, process_pairs):
            break
    if costing.runtime and (problem := put_off(everything)):
        return Confirmation((), (), (), problem=problem)
    return Confirmation(tuple(groups), tuple(baseline), tuple(candidate), costing.floor)


def _by_the_judges_clock(pair: Pair) -> float:
    return math.log(pair.candidate[1] / pair.baseline[1])


def confirmed(confirmations: Sequence[Confirmation]) -> list[bool]:
    """Which of a trial's champions are confirmed, with Holm's step-down procedure over all of them."""
    order = sorted(range(len(confirmations)), key=lambda number: confirmations[number].p_value)
    accepted = [False] * len(confirmations)
    for rank, number in enumerate(order):
        if confirmations[number].p_value >= ALPHA / (len(confirmations) - rank):
            break
        accepted[number] = confirmations[number].is_gain
    return accepted


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of independent values; a single one is taken to be exact."""
    if len(values) < 2:
        return values[0], values[0]
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half
