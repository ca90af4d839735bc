"""The sweep, and combining what looked good by halving."""

from __future__ import annotations

import pytest

from dean_airflow.evolution.search.sweep import combine, sweep
from tests.unit.evolution.search.worlds import Computing, apply, edit


def evaluator(judge: Computing):
    return lambda genome: judge.judge(genome, apply(genome), None)


def test_only_what_looks_good_is_kept_best_first():
    judge = Computing({0: -0.01, 1: 0.05, 2: -0.04, 3: -0.001})
    assert sweep(map(edit, range(5)), evaluator(judge)) == [(-0.04, edit(2)), (-0.01, edit(0))]


def test_all_that_goes_together_is_united():
    judge = Computing(dict.fromkeys(range(8), -0.01))
    good = [(-0.01, edit(number)) for number in range(8)]
    genomes = combine(good, evaluator(judge))
    assert genomes[0] == tuple(map(edit, range(8)))
    assert genomes[1] == tuple(map(edit, range(4)))
    assert genomes[-1] == (edit(0),)
    assert len(judge.asked) == 2


@pytest.mark.parametrize("clash", [(0, 7), (3, 4), (0, 1), (6, 7)])
def test_one_of_two_that_clash_is_left_out(clash):
    judge = Computing(dict.fromkeys(range(8), -0.01), frozenset({frozenset(clash)}))
    united = combine([(-0.01, edit(number)) for number in range(8)], evaluator(judge))[0]
    assert set(map(edit, range(8))) - set(united) in ({edit(clash[0])}, {edit(clash[1])})
    assert len(judge.asked) < 20


def test_an_edit_that_is_always_invalid_goes():
    judge = Computing(dict.fromkeys(range(8), -0.01), frozenset({frozenset({5})}))
    united = combine([(-0.01, edit(number)) for number in range(8)], evaluator(judge))[0]
    assert set(united) == set(map(edit, range(8))) - {edit(5)}


def test_nothing_good_gives_nothing():
    assert combine([], evaluator(Computing({}))) == []
