"""Diversity of genomes: behaviours 17.1."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.evolution.search.diversity import distance, diversity
from tests.unit.evolution.search.worlds import edit

GENOMES = st.lists(st.integers(0, 8), unique=True, max_size=6).map(lambda numbers: tuple(map(edit, numbers)))


@given(GENOMES)
def test_clones_are_at_distance_0_in_any_order(genome):
    assert distance(genome, genome) == 0
    assert distance(genome, genome[::-1]) == 0
    assert diversity([genome] * 5) == 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, unique=True), min_size=2, max_size=6))
def test_disjoint_genomes_are_at_distance_1(parts):
    genomes = [tuple(edit(10 * place + number) for number in part) for place, part in enumerate(parts)]
    assert diversity(genomes) == pytest.approx(1.0)


@given(GENOMES, GENOMES, GENOMES)
def test_distance_is_a_metric_within_0_and_1(one, two, three):
    assert 0 <= distance(one, two) <= 1
    assert distance(one, two) == distance(two, one)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-12


def test_diversity_grows_with_what_differs_and_not_with_order():
    base = tuple(map(edit, range(6)))
    values = [diversity([base, base[shared:] + tuple(map(edit, range(10, 10 + shared)))]) for shared in range(7)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 1)
    population = [(edit(1),), (edit(1), edit(2)), (edit(3),)]
    assert len({round(diversity(list(order)), 12) for order in permutations(population)}) == 1


@pytest.mark.parametrize("population", [[], [(edit(1), edit(2))]])
def test_a_population_of_none_or_one_scores_0(population):
    assert diversity(population) == 0
