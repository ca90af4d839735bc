"""The screening's and the confirmation's rules, against scipy and at their bounds."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from dean_airflow.evolution.judge.confirm import ALPHA, Confirmation, confirmed, mean_interval
from dean_airflow.evolution.judge.pairs import LEAST_DOUBT, Pair, contradiction, put_off
from dean_airflow.evolution.judge.sequential import CHECKPOINTS, DROP_ABOVE, WIN_AT, decide, sign_test


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=80))
def test_the_sign_test_is_scipys(values):
    below, other = values.count(-1.0), values.count(1.0)
    expected = binomtest(below, below + other, alternative="greater").pvalue if below + other else 1.0
    assert sign_test(values) == pytest.approx(expected)


@pytest.mark.parametrize("pairs", sorted(DROP_ABOVE))
def test_a_candidate_is_dropped_just_above_the_bound_and_not_at_it(pairs):
    bound = DROP_ABOVE[pairs]
    assert decide([bound + 1e-9] * pairs) in ("worse", "neutral")
    assert decide([bound] * pairs) == ("more" if pairs not in WIN_AT else decide([bound] * pairs))


def test_what_is_clearly_worse_is_called_so_and_what_is_equal_is_neutral():
    assert decide([0.031] * 3) == "worse"
    assert decide([0.011] * 6) == "neutral"


@pytest.mark.parametrize("pairs", WIN_AT)
def test_a_win_needs_both_the_floor_and_significance(pairs):
    assert decide([math.log(0.98) - 1e-6] * pairs) == "win"
    assert decide([math.log(0.98) + 1e-6] * pairs) == ("neutral" if pairs == WIN_AT[-1] else "more")
    insignificant = [-0.1] * (pairs // 2 + 1) + [0.1] * (pairs - pairs // 2 - 1)
    assert sign_test(insignificant) > 0.001
    assert decide(insignificant) != "win"


def test_nothing_is_decided_between_checkpoints_and_everything_at_the_last():
    for pairs in range(1, WIN_AT[-1]):
        if pairs not in CHECKPOINTS:
            assert decide([-0.5] * pairs) == "more"
    chance = random.Random(1)
    for _ in range(50):
        assert decide([chance.gauss(-0.01, 0.1) for _ in range(WIN_AT[-1])]) != "more"


def test_noise_widens_when_a_candidate_is_dropped_and_not_when_it_wins():
    assert decide([0.04] * 3) == "worse"
    assert decide([0.04] * 3, noise=0.2) == "more"
    assert decide([math.log(0.98) + 1e-6] * 60, noise=0.2) == "neutral"


def sequential(draw) -> str:
    taken: list[float] = []
    for upto in CHECKPOINTS:
        taken += [draw() for _ in range(upto - len(taken))]
        if (decision := decide(taken)) != "more":
            return decision
    raise AssertionError("no decision")


def test_equal_candidates_hardly_ever_win_and_faster_ones_nearly_always():
    chance = random.Random(7)
    equal = [sequential(lambda: chance.gauss(0, 0.06)) for _ in range(2000)]
    assert equal.count("win") <= len(equal) * len(WIN_AT) * 0.001  # what four looks at p < 0.001 may add up to
    faster = [sequential(lambda: chance.gauss(math.log(0.85), 0.06)) for _ in range(200)]
    assert faster.count("win") >= 195


def confirmation(*medians: float, each: int = 12, problem: str = "") -> Confirmation:
    return Confirmation(tuple((value,) * each for value in medians), (1.0,), (1.0,), problem=problem)


def test_a_gain_must_show_in_all_process_pairs_but_one_and_pass_the_floor():
    assert confirmed([confirmation(*[-0.05] * 6)]) == [True]
    assert confirmed([confirmation(*[-0.1] * 5, 0.001)]) == [True]
    assert confirmed([confirmation(*[-0.1] * 4, 0.001, 0.001)]) == [False]
    assert confirmed([confirmation(*[math.log(0.98) + 1e-6] * 6)]) == [False]
    assert confirmed([confirmation(*[math.log(0.98) - 1e-6] * 6)]) == [True]
    assert confirmed([confirmation(*[-0.5] * 6, problem="its output differs")]) == [False]


def with_p(below: int, of: int) -> Confirmation:
    """A gain with `below` of `of` pairs in each of six process pairs in its favour."""
    return Confirmation(((-0.1,) * below + (0.1,) * (of - below),) * 6, (1.0,), (1.0,))


def test_holm_asks_more_of_each_the_more_there_are():
    strong, weak = with_p(12, 12), with_p(9, 12)
    assert strong.p_value < ALPHA / 3
    assert weak.p_value < ALPHA
    weaker = Confirmation((*((-0.1,) * 7 + (0.1,) * 4,) * 6,), (1.0,), (1.0,))
    assert weaker.p_value > ALPHA
    assert confirmed([weak]) == [True]
    assert confirmed([weaker, strong]) == [False, True]
    between = next(
        one
        for one in (
            Confirmation(((-0.1,) * b + (0.1,) * (n - b),) * 6, (1.0,), (1.0,)) for n in range(5, 40) for b in range(n)
        )
        if ALPHA / 2 < one.p_value < ALPHA
    )
    assert confirmed([between]) == [True]
    assert confirmed([between, between]) == [False, False]
    assert confirmed([between, strong]) == [True, True]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8))
def test_the_interval_of_a_mean_is_students(values):
    low, high = mean_interval(values)
    if len(set(values)) > 1 and high - low > 1e-9:
        expected = ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert (low, high) == (pytest.approx(expected.low, abs=1e-6), pytest.approx(expected.high, abs=1e-6))


def test_one_value_is_taken_to_be_exact():
    assert mean_interval([0.1]) == (0.1, 0.1)


def pairs(baseline, candidate, checks=None) -> list[Pair]:
    return [Pair(baseline, candidate, checks=checks)] * 20


def test_clocks_that_agree_contradict_nothing():
    assert contradiction(pairs((0.0010, 0.0011), (0.0005, 0.0006))) == ""
    assert contradiction(pairs((1e-5, 1.5e-4), (9e-6, 2e-4))) == ""


def test_a_clock_that_misses_what_passed_or_shows_more_is_a_lie():
    assert "missed" in contradiction(pairs((0.0010, 0.0011), (0.0001, 0.0011)))
    assert "more than passed" in contradiction(pairs((0.0010, 0.0011), (0.0020, 0.0011)))


def test_now_and_then_a_switch_of_processes_is_no_lie():
    disturbed = [Pair((0.001, 0.0011), (0.0005, 0.0006 if n % 2 else 0.02)) for n in range(20)]
    assert contradiction(disturbed) == ""


def test_work_that_is_put_off_until_the_output_is_looked_at_shows():
    honest = pairs((0.001, 0.001), (0.0005, 0.0005), (0.0002, 0.0002))
    lazy = pairs((0.001, 0.001), (0.0001, 0.0001), (0.0002, 0.0011))
    assert put_off(honest) == ""
    assert "more to look at" in put_off(lazy)
    assert put_off(pairs((0.001, 0.001), (0.0001, 0.0001))) == ""
    assert put_off(pairs((0.001, 0.001), (0.0009, 0.0009), (0.0002, 0.0002 + LEAST_DOUBT / 2))) == ""
