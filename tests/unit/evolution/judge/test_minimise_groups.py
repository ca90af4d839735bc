"""Edits too small to be seen alone, which count together: measured on pairs whose costs are given."""

from __future__ import annotations

import random

from dean_airflow.evolution.edits.edit import Edit
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.minimise import LEAST_EFFECT, Minimiser
from dean_airflow.evolution.judge.pairs import Pair

STRONG, FIRST, SECOND, IDLE = (Edit("named", kind, "a.py", "work") for kind in ("strong", "first", "second", "idle"))


class GivenPairs:
    """Costs by edit, with noise far below the effects."""

    clocks_agree = True

    def __init__(self, worth: dict[Edit, float]) -> None:
        self.worth, self.noise = worth, random.Random(3)

    def open(self, files, against=None):
        self.files, self.against = files, against or {}

    def take(self, seeds, checks):
        return [Pair(self._times(self.against), self._times(self.files)) for _ in seeds]

    def _times(self, files):
        seconds = 1.0 + sum(self.worth[Edit.parse(text)] for text in files) + self.noise.gauss(0, 1e-4)
        return seconds, seconds

    def peaks(self, seed):
        raise AssertionError("no memory is weighed here")

    def close(self):
        pass


def minimised(worth: dict[Edit, float]):
    pairs = GivenPairs(worth)
    minimiser = Minimiser(
        lambda genome: {str(edit): "" for edit in genome},
        Costing({"runtime": 1.0}, {}),
        pairs,
        pairs,
        random.Random(1),
    )
    return minimiser.minimise(tuple(worth))


def test_two_edits_that_only_show_together_come_back_in_their_order():
    small = 0.75 * LEAST_EFFECT
    assert minimised({FIRST: small, STRONG: -0.1, SECOND: small}) == (FIRST, STRONG, SECOND)


def test_a_group_that_costs_as_a_whole_stays_out():
    small = 0.75 * LEAST_EFFECT
    assert minimised({STRONG: -0.1, FIRST: small, SECOND: small, IDLE: 0.01}) == (STRONG,)


def test_a_lone_edit_too_small_to_be_seen_goes():
    assert minimised({STRONG: -0.1, FIRST: 0.5 * LEAST_EFFECT}) == (STRONG,)
