"""Two releases compared by one metric.

Values are ranked: the Mann–Whitney U test assumes no distribution, which latencies would not keep to, and one request
that took a minute is one rank. Significance alone would fail a release for a difference nobody can notice as soon as
there are enough samples, so a failure also needs a size: Cliff's delta (the share of pairs in which the new release is
the worse, less the share in which it is the better) of at least 0.147, below which Romano et al. (2006) call a
difference negligible, and an estimated worsening above what the metric ignores.

That no difference was found proves nothing where few samples could have found one. So passing is a test of its own, of
non-inferiority: the new release's values, improved by the tolerance, must be significantly better than the old ones.
Where neither test decides, the comparison is inconclusive. Rates, which are counts of failures, have exact tests
instead: Fisher's for failing, the upper end of Newcombe's interval for passing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Any, Literal

from dean_airflow.deployment.canary.metric import Metric

Verdict = Literal["pass", "fail", "inconclusive"]

NEGLIGIBLE = 0.147
"""|Cliff's delta| below this is negligible: Romano, Kromrey, Coraggio, Skowronek (2006)."""
COMPARED_AT_MOST = 2000
"""Samples of one release: every pair of them is looked at, and more decide no better."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`worse_p`: how likely samples are that look so much worse, were the releases equal; `within_p`: that look so
    well, were the new release worse by the tolerance. `change` is the estimated worsening in the metric's own terms (a
    share, or a difference of rates), negative for an improvement; `effect` Cliff's delta, or for a rate the same as
    `change`. None where there are too few samples to say. `by_rank`: the old release's typical value is 0, of which
    there are no shares, so that `change` is Cliff's delta as well.
    """

    metric: Metric
    old: int
    new: int
    worse_p: float | None = None
    within_p: float | None = None
    effect: float | None = None
    change: float | None = None
    reason: str = ""
    by_rank: bool = False

    @property
    def of_size(self) -> bool:
        """Whether the worsening, if there is one, is worth stopping a release for."""
        if self.effect is None or self.change is None:
            return False
        return self.change > self.metric.ignored and (self.metric.kind == "rate" or self.effect >= NEGLIGIBLE)

    def as_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("worse_p", "within_p", "effect", "change")}
        shown = {name: None if value is None else float(f"{value:.4g}") for name, value in numbers.items()}
        return {"metric": self.metric.name, "old": self.old, "new": self.new, "reason": self.reason, **shown}


def compare(metric: Metric, old: Sequence[float], new: Sequence[float], minimum: int) -> Comparison:
    """The tests of one metric, undecided: what they mean depends on how many metrics there are.

    With fewer than `minimum` samples of either release, or one that is no finite number, there is only a reason. Of
    more than 2,000 the last are taken.
    """
    counted = Comparison(metric, len(old), len(new))
    if min(len(old), len(new)) < minimum:
        return _unknown(counted, f"{minimum} samples of each release are needed")
    if not all(map(math.isfinite, old)) or not all(map(math.isfinite, new)):
        return _unknown(counted, "a sample is no finite number")
    if metric.kind == "rate":
        return _compare_rates(counted, metric, old, new)
    return _compare_values(counted, metric, old[-COMPARED_AT_MOST:], new[-COMPARED_AT_MOST:])


def _unknown(counted: Comparison, reason: str) -> Comparison:
    return Comparison(counted.metric, counted.old, counted.new, reason=reason)


def _compare_values(counted: Comparison, metric: Metric, old: Sequence[float], new: Sequence[float]) -> Comparison:
    import numpy
    from scipy.stats import mannwhitneyu

    worse, better = ("greater", "less") if metric.direction == "lower" else ("less", "greater")
    if min(old) == max(old) == min(new) == max(new):
        return Comparison(metric, counted.old, counted.new, 1.0, 0.0, 0.0, 0.0)
    tested = mannwhitneyu(new, old, alternative=worse)
    share = float(tested.statistic) / (len(old) * len(new))
    effect = (2 * share - 1) * (1 if metric.direction == "lower" else -1)
    scale = median(old)
    if scale == 0:
        # A share of nothing is nothing: then only ranks can tell that there is no difference of any size.
        deviation = _deviation_of_delta(old, new)
        bound = (NEGLIGIBLE - effect) / deviation if deviation else -math.inf
        within = NormalDist().cdf(-bound)
        p = float(tested.pvalue)
        return Comparison(metric, counted.old, counted.new, p, within, effect, effect, by_rank=True)
    factor = 1 + metric.tolerance if metric.direction == "lower" else 1 / (1 + metric.tolerance)
    improved = numpy.asarray(new, float)
    improved = improved / factor if scale > 0 else improved * factor
    within = float(mannwhitneyu(improved, old, alternative=better).pvalue)
    change = _worsening(numpy.asarray(old, float), numpy.asarray(new, float), metric)
    return Comparison(metric, counted.old, counted.new, float(tested.pvalue), within, effect, change)


def _worsening(old: Any, new: Any, metric: Metric) -> float:
    """By which share a typical value got worse (Hodges and Lehmann's estimate: the median over all pairs)."""
    import numpy

    if old.min() > 0 and new.min() > 0:
        ratio = math.exp(float(numpy.median(numpy.log(new)[:, None] - numpy.log(old)[None, :])))
        return ratio - 1 if metric.direction == "lower" else 1 / ratio - 1
    moved = float(numpy.median(new[:, None] - old[None, :])) / abs(float(numpy.median(old)))
    return moved if metric.direction == "lower" else -moved


def _deviation_of_delta(old: Sequence[float], new: Sequence[float]) -> float:
    """Standard deviation of Cliff's delta between equals with these values, ties counted as such."""
    import numpy

    _, ties = numpy.unique(numpy.concatenate([old, new]), return_counts=True)
    everything = len(old) + len(new)
    tied = float((ties.astype(float) ** 3 - ties).sum()) / (everything * (everything - 1))
    return 2 * math.sqrt((everything + 1 - tied) / (12 * len(old) * len(new)))


def _compare_rates(counted: Comparison, metric: Metric, old: Sequence[float], new: Sequence[float]) -> Comparison:
    from scipy.stats import fisher_exact

    if any(value not in (0, 1) for value in (*old, *new)):
        return _unknown(counted, "a sample of a rate must be 0 or 1")
    old_hits, new_hits = int(sum(old)), int(sum(new))
    if metric.direction == "higher":  # counted are those that are wanted: the others are the worse
        old_hits, new_hits = len(old) - old_hits, len(new) - new_hits
    table = [[new_hits, len(new) - new_hits], [old_hits, len(old) - old_hits]]
    worse_p = float(fisher_exact(table, alternative="greater")[1])
    change = new_hits / len(new) - old_hits / len(old)
    within_p = _least_alpha(metric.tolerance, old_hits, len(old), new_hits, len(new))
    return Comparison(metric, counted.old, counted.new, worse_p, within_p, change, change)


def _least_alpha(tolerance: float, old_hits: int, old: int, new_hits: int, new: int) -> float:
    """The error at which the upper end of the difference's interval is just the tolerance, by halving."""
    low, high = 0.0, 0.5
    if newcombe_upper(old_hits, old, new_hits, new, high) > tolerance:
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if newcombe_upper(old_hits, old, new_hits, new, middle) > tolerance:
            low = middle
        else:
            high = middle
    return high


def newcombe_upper(old_hits: int, old: int, new_hits: int, new: int, alpha: float) -> float:
    """Upper end of how much larger the new rate may be, with error `alpha` (one-sided): Newcombe (1998), method 10."""
    z = NormalDist().inv_cdf(1 - alpha) if alpha > 0 else 40.0
    old_rate, new_rate = old_hits / old, new_hits / new
    _, new_upper = _wilson(new_hits, new, z)
    old_lower, _ = _wilson(old_hits, old, z)
    return new_rate - old_rate + math.hypot(new_upper - new_rate, old_rate - old_lower)


def _wilson(hits: int, count: int, z: float) -> tuple[float, float]:
    rate = hits / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return middle - half, middle + half
