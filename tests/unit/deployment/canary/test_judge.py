"""The verdicts on two releases, and what must not change them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dean_airflow.deployment.canary.compare import compare, newcombe_upper
from dean_airflow.deployment.canary.judge import Judgement, Samples, judge
from dean_airflow.deployment.canary.metric import ERROR_RATE, LATENCY, Metric
from dean_airflow.deployment.canary.policy import CanaryPolicy

ONE = CanaryPolicy(metrics=(LATENCY,), minimum=20)
POSITIVE = st.floats(1e-3, 1e3)
SERIES = st.lists(POSITIVE, min_size=20, max_size=60)


def latencies(count: int, seed: int, factor: float = 1.0, spread: float = 0.2) -> list[float]:
    draw = random.Random(seed)
    return [factor * 0.04 * draw.lognormvariate(0, spread) for _ in range(count)]


def verdict(old: Sequence[float], new: Sequence[float], metric: Metric = LATENCY, **policy: object) -> Judgement:
    chosen = replace(ONE, metrics=(metric,), **policy)  # type: ignore[arg-type]
    return judge(chosen, Samples({metric.name: old}, {metric.name: new}))


def test_equal_releases_pass_and_a_slower_one_fails():
    old = latencies(50, 1)

    assert verdict(old, latencies(50, 2)).verdict == "pass"
    slower = verdict(old, latencies(50, 2, factor=1.3))
    assert slower.verdict == "fail"
    assert "% worse, and not by chance" in slower.sentence
    assert slower.score == 0


def test_too_few_samples_are_inconclusive_however_bad_they_look():
    found = verdict([0.1] * 19, [9.0] * 50)

    assert found.verdict == "inconclusive"
    assert "20 samples of each release are needed" in found.sentence


def test_noise_that_hides_a_fifth_is_inconclusive_and_not_a_pass():
    assert verdict(latencies(50, 3, spread=1.5), latencies(50, 4, spread=1.5)).verdict == "inconclusive"


def test_a_metric_without_samples_is_inconclusive():
    both = replace(ONE, metrics=(LATENCY, Metric("queue", series="queue_length")))
    old = latencies(50, 1)

    found = judge(both, Samples({"latency": old}, {"latency": old}))

    assert found.verdict == "inconclusive"
    assert [each.verdict for each in found.metrics] == ["pass", "inconclusive"]


def test_a_difference_too_small_to_matter_does_not_fail_however_certain_it_is():
    steady = [1 + number / 1e6 for number in range(2000)]

    found = verdict(steady, [1.02 * value for value in steady])

    assert found.metrics[0].comparison.worse_p == pytest.approx(0, abs=1e-9)
    assert found.verdict == "pass"


def test_a_negligible_effect_does_not_fail_however_many_samples_show_it():
    old, new = latencies(2000, 5, spread=1.0), latencies(2000, 6, factor=1.12, spread=1.0)

    comparison = compare(LATENCY, old, new, 20)

    assert comparison.worse_p is not None and comparison.worse_p < 0.01
    assert comparison.effect is not None and 0 < comparison.effect < 0.147
    assert verdict(old, new).verdict != "fail"


def test_rates_fail_pass_and_stay_open():
    policy = replace(ONE, metrics=(ERROR_RATE,))

    def of(old: int, new: int, count: int) -> str:
        samples = [[1.0] * hits + [0.0] * (count - hits) for hits in (old, new)]
        return judge(policy, Samples({"error_rate": samples[0]}, {"error_rate": samples[1]})).verdict

    assert of(4, 45, 450) == "fail"
    assert of(4, 5, 450) == "pass"
    assert of(0, 0, 450) == "pass"
    assert of(0, 1, 25) == "inconclusive"


def test_a_rate_takes_nothing_but_0_and_1():
    found = verdict([0.0] * 30, [0.5] * 30, ERROR_RATE)

    assert found.verdict == "inconclusive"
    assert "must be 0 or 1" in found.sentence


def test_the_interval_of_a_difference_is_newcombes():
    # The published example of method 10: 56/70 against 48/80, 95 % from 0.0524 to 0.3339.
    assert newcombe_upper(48, 80, 56, 70, 0.025) == pytest.approx(0.3339, abs=5e-5)


def test_values_that_are_mostly_zero():
    quiet, busy = [0.0] * 90 + [1.0] * 10, [0.0] * 40 + [3.0] * 60
    queue = Metric("queue", series="queue_length")

    assert verdict(quiet, list(quiet), queue).verdict == "pass"
    assert verdict(quiet, busy, queue).verdict == "fail"
    assert verdict(busy, quiet, queue).verdict == "pass"
    assert verdict([0.0] * 30, [0.0] * 30, queue).verdict == "pass"
    assert verdict([0.0] * 30, [4.0] * 30, queue).verdict == "fail"


def test_what_is_no_finite_number_decides_nothing():
    assert verdict([0.1] * 30, [float("inf")] * 30).verdict == "inconclusive"


def test_weights_limits_and_critical_metrics():
    names = ("a", "b", "c")
    metrics = tuple(Metric(name, weight=weight) for name, weight in zip(names, (1, 1, 2), strict=True))
    old = {name: latencies(50, 1) for name in names}
    new = {"a": latencies(50, 2, factor=2), "b": latencies(50, 2), "c": latencies(50, 2)}
    samples = Samples(old, new)
    policy = replace(ONE, metrics=metrics)

    assert judge(policy, samples).verdict == "fail"
    lenient = judge(replace(policy, failure_limit=0.25), samples)
    assert (lenient.verdict, lenient.score) == ("pass", 75)
    critical = replace(policy, failure_limit=0.25, metrics=(replace(metrics[0], critical=True), *metrics[1:]))
    assert judge(critical, samples).verdict == "fail"
    unknown = Samples(old, {**new, "a": []})
    assert judge(policy, unknown).verdict == "inconclusive"
    assert judge(replace(policy, inconclusive_limit=0.25), unknown).verdict == "pass"


def test_each_further_metric_makes_failing_by_accident_no_likelier():
    """A difference that is significant alone is not when it is the best of ten."""
    old = latencies(50, 1)
    new = next(
        candidate
        for seed in range(10_000)
        if 0.002 < (compare(LATENCY, old, candidate := latencies(50, seed, factor=1.1), 20).worse_p or 1) < 0.009
    )
    ten = replace(ONE, metrics=tuple(Metric(f"m{number}") for number in range(10)))
    same = {f"m{number}": old for number in range(10)}

    assert verdict(old, new).verdict == "fail"
    assert judge(ten, Samples(same, {**same, "m0": new})).verdict != "fail"


def test_the_answer_is_small_and_json():
    answer = verdict(latencies(50, 1), latencies(50, 2)).as_json()

    assert json.loads(json.dumps(answer)) == answer
    assert len(json.dumps(answer)) < 1000


@settings(max_examples=60, deadline=None)
@given(SERIES, SERIES, st.sampled_from([0.125, 4.0, 1024.0]))
def test_units_do_not_matter(old: list[float], new: list[float], factor: float):
    scaled = verdict([factor * value for value in old], [factor * value for value in new])

    assert scaled.verdict == verdict(old, new).verdict


@settings(max_examples=60, deadline=None)
@given(SERIES, SERIES, st.randoms(use_true_random=False))
def test_order_does_not_matter(old: list[float], new: list[float], rng: random.Random):
    mixed_old, mixed_new = rng.sample(old, len(old)), rng.sample(new, len(new))

    assert verdict(mixed_old, mixed_new).as_json() == verdict(old, new).as_json()


@settings(max_examples=60, deadline=None)
@given(SERIES, SERIES)
def test_of_two_releases_at_most_one_is_the_worse(old: list[float], new: list[float]):
    assert not (verdict(old, new).verdict == verdict(new, old).verdict == "fail")


@settings(max_examples=60, deadline=None)
@given(SERIES, SERIES)
def test_throughput_is_judged_as_its_reciprocal_is(old: list[float], new: list[float]):
    throughput = Metric("latency", direction="higher")

    reciprocal = verdict([1 / value for value in old], [1 / value for value in new], throughput)

    assert reciprocal.verdict == verdict(old, new).verdict


@settings(max_examples=60, deadline=None)
@given(SERIES, st.floats(1.0, 100.0))
def test_a_release_that_is_better_throughout_never_fails(old: list[float], factor: float):
    assert verdict(old, [value / factor for value in old]).verdict != "fail"
