"""How often the canary judge errs: a release that is the same failed, one that is a fifth slower let through.

Latencies are drawn from four families as services have them, each request with a spread that puts the slowest twentieth
at more than twice the median, or at ten times it. A sample is the median of nine requests, as the sampler takes them,
and there are 50 samples of each release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy

from benchmarks.figure import Figure
from dean_airflow.deployment.canary.judge import Samples, judge
from dean_airflow.deployment.canary.metric import ERROR_RATE, LATENCY, Metric
from dean_airflow.deployment.canary.policy import CanaryPolicy

REPLAYS = 4000
SAMPLES = 50
REQUESTS = 9
SHIFT = 1.2
Draw = Callable[[numpy.random.Generator, tuple[int, ...]], Any]


def _lognormal(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
    return 0.04 * rng.lognormal(0, 0.5, shape)


def _heavy_tail(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
    """One request in twenty waits for something: a Pareto tail without a variance."""
    slow = rng.random(shape) < 0.05
    return 0.04 * rng.lognormal(0, 0.45, shape) * numpy.where(slow, 3 * (1 + rng.pareto(1.5, shape)), 1)


def _gamma(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
    """Of the kind that a queue of several stages has."""
    return rng.gamma(4, 0.01, shape)


def _cached(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
    """One request in seven misses a cache and takes four times as long."""
    missed = rng.random(shape) < 1 / 7
    return 0.02 * rng.lognormal(0, 0.4, shape) * numpy.where(missed, 4, 1)


FAMILIES: dict[str, Draw] = {
    "lognormal": _lognormal,
    "heavy_tail": _heavy_tail,
    "gamma": _gamma,
    "cached": _cached,
}
ALONE = CanaryPolicy(metrics=(LATENCY,), samples=SAMPLES, minimum=SAMPLES)
FIVE = replace(ALONE, metrics=tuple(Metric(f"latency_{number}") for number in range(5)))
BOTH = replace(ALONE, metrics=(LATENCY, ERROR_RATE))


def run(minutes: float | None) -> list[Figure]:
    """canary_errors (A/A failed, worst family), canary_missed (a fifth slower, not failed), and what is beside them."""
    replays = REPLAYS if minutes is None else max(200, int(REPLAYS * minutes / 10))
    rng = numpy.random.default_rng(20_240_501)
    equal = {name: _verdicts(draw, 1.0, replays, rng) for name, draw in FAMILIES.items()}
    slower = {name: _verdicts(draw, SHIFT, replays, rng) for name, draw in FAMILIES.items()}
    single = {name: _verdicts(draw, SHIFT, replays // 4, rng, requests=1) for name, draw in FAMILIES.items()}
    return [
        _figure("canary_errors", equal, "fail", 2.0, "lower", {"samples": SAMPLES, "requests_a_sample": REQUESTS}),
        _figure("canary_caught", slower, "fail", 95.0, "higher", {"shift": SHIFT, "single_requests": _shares(single)}),
        _figure("canary_equal_passed", equal, "pass", None, "higher", {}),
        _figure("canary_slower_passed", slower, "pass", 2.0, "lower", {"shift": SHIFT}),
        _family(replays, rng),
        _with_errors(replays, rng),
    ]


def _verdicts(draw: Draw, shift: float, replays: int, rng: Any, requests: int = REQUESTS) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(replays):
        old, new = _sampled(draw, rng, requests), shift * _sampled(draw, rng, requests)
        found[judge(ALONE, Samples({"latency": old.tolist()}, {"latency": new.tolist()})).verdict] += 1
    return found


def _sampled(draw: Draw, rng: Any, requests: int = REQUESTS) -> Any:
    return numpy.median(draw(rng, (SAMPLES, requests)), axis=1)


def _family(replays: int, rng: Any) -> Figure:
    """Five metrics at once, all of them equal: the more metrics, the more occasions to fail one by accident."""
    failed = 0
    for _ in range(replays):
        old, new = ({metric.name: _sampled(_lognormal, rng).tolist() for metric in FIVE.metrics} for _ in range(2))
        failed += judge(FIVE, Samples(old, new)).verdict == "fail"
    return Figure("canary_errors_of_five", round(100 * failed / replays, 2), "%", "lower", 2.0, {"replays": replays})


def _with_errors(replays: int, rng: Any) -> Figure:
    """One request in a hundred fails in the old release; in the new one as many, or one in ten."""
    shares = {}
    for name, rate in (("equal", 0.01), ("worse", 0.10)):
        found: Counter[str] = Counter()
        for _ in range(replays // 4):
            old, new = (
                {
                    "latency": _sampled(_lognormal, rng).tolist(),
                    "error_rate": (rng.random(SAMPLES * REQUESTS) < each).astype(float).tolist(),
                }
                for each in (0.01, rate)
            )
            found[judge(BOTH, Samples(old, new)).verdict] += 1
        shares[name] = _percent(found)
    return Figure("canary_error_rate_caught", shares["worse"].get("fail", 0.0), "%", "higher", 95.0, shares)


def _figure(
    name: str, found: dict[str, Counter[str]], verdict: str, target: float | None, better: Any, detail: dict[str, Any]
) -> Figure:
    """The worst family's share of a verdict."""
    shares = _shares(found)
    worst = (max if better == "lower" else min)(share.get(verdict, 0.0) for share in shares.values())
    replays = sum(next(iter(found.values())).values())
    return Figure(name, worst, "%", better, target, {"replays": replays, "families": shares, **detail})


def _shares(found: dict[str, Counter[str]]) -> dict[str, dict[str, float]]:
    return {name: _percent(verdicts) for name, verdicts in found.items()}


def _percent(verdicts: Counter[str]) -> dict[str, float]:
    return {name: round(100 * count / verdicts.total(), 2) for name, count in sorted(verdicts.items())}
