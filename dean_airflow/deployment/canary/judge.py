"""One verdict on a release from the comparisons of its metrics.

Each metric gives a release one more chance to fail by accident, so the metrics share one error: by Holm's method (1979)
the likeliest failure must be significant at alpha divided by their number, the next at one fewer, until one is not.
For passing no such care is needed, since all must pass together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dean_airflow.deployment.canary.compare import Comparison, Verdict, compare
from dean_airflow.deployment.canary.metric import Metric
from dean_airflow.deployment.canary.policy import CanaryPolicy


@dataclass(frozen=True, slots=True)
class Samples:
    """Of each release, by metric's name, in the order they were taken."""

    old: Mapping[str, Sequence[float]]
    new: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A comparison with what it comes to."""

    comparison: Comparison
    verdict: Verdict

    @property
    def metric(self) -> Metric:
        return self.comparison.metric

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        found, metric = self.comparison, self.metric
        counted = f"{found.old} old and {found.new} new samples"
        if found.change is None:
            return f"{metric.name} is inconclusive: {found.reason}, and there are {counted}."
        size = _size(found, found.change)
        if self.verdict == "fail":
            return f"{metric.name} is {size}, and not by chance (p = {found.worse_p:.2g}; {counted})."
        allowed = f"{metric.tolerance:.0%}" if metric.kind == "values" else f"{100 * metric.tolerance:g} points"
        if self.verdict == "pass":
            return f"{metric.name} is {size}; worse by {allowed} is ruled out ({counted})."
        return f"{metric.name} is inconclusive: it looks {size}, and worse by {allowed} is not ruled out ({counted})."


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` is the share of the weights that passed, in percent."""

    verdict: Verdict
    score: float
    metrics: tuple[Judged, ...]

    @property
    def sentence(self) -> str:
        """The verdict and what decided it, in one sentence or a few."""
        decisive = [judged for judged in self.metrics if judged.verdict == self.verdict] or list(self.metrics)
        opening = {
            "pass": "The new release is as good as the old one.",
            "fail": "The new release is worse than the old one.",
            "inconclusive": "The samples do not tell whether the new release is as good as the old one.",
        }[self.verdict]
        return " ".join([opening, *(judged.sentence for judged in decisive)])

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "score": round(self.score, 1),
            "sentence": self.sentence,
            "metrics": [{"verdict": each.verdict, **each.comparison.as_json()} for each in self.metrics],
        }


def judge(policy: CanaryPolicy, samples: Samples) -> Judgement:
    """The same for the same samples. A metric without samples is inconclusive, never passed."""
    found = [
        compare(metric, samples.old.get(metric.name, ()), samples.new.get(metric.name, ()), policy.minimum)
        for metric in policy.metrics
    ]
    failed = _failed(found, policy.alpha)
    judged = tuple(
        Judged(each, "fail" if number in failed else _passes(each, policy.alpha)) for number, each in enumerate(found)
    )
    weights = sum(each.metric.weight for each in judged)
    share = {
        verdict: sum(each.metric.weight for each in judged if each.verdict == verdict) / weights
        for verdict in ("pass", "fail", "inconclusive")
    }
    return Judgement(_summary(policy, judged, share), 100 * share["pass"], judged)


def _failed(found: Sequence[Comparison], alpha: float) -> set[int]:
    """By number, those that are worse for certain, all their errors together at most `alpha`."""
    tested = sorted((each.worse_p, number) for number, each in enumerate(found) if each.worse_p is not None)
    failed = set()
    for rank, (p, number) in enumerate(tested):
        if p > alpha / (len(tested) - rank):
            break
        if found[number].of_size:
            failed.add(number)
    return failed


def _passes(found: Comparison, alpha: float) -> Verdict:
    return "pass" if found.within_p is not None and found.within_p <= alpha else "inconclusive"


def _summary(policy: CanaryPolicy, judged: Sequence[Judged], share: Mapping[str, float]) -> Verdict:
    critical = {each.verdict for each in judged if each.metric.critical}
    if "fail" in critical or share["fail"] > policy.failure_limit:
        return "fail"
    if "inconclusive" in critical or share["inconclusive"] > policy.inconclusive_limit:
        return "inconclusive"
    return "pass"


def _size(found: Comparison, change: float) -> str:
    word = "worse" if change > 0 else "better"
    if found.by_rank:
        return f"{word} in {abs(change):.1%} more of the pairs than not"
    if found.metric.kind == "rate":
        return f"{100 * abs(change):.1f} points {word}"
    return f"{abs(change):.1%} {word}"
