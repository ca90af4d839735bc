"""The small problem: measured, the same for the same seed, and solvable in the three generations of a scenario."""

from __future__ import annotations

import pytest

from dean_airflow.testing.problem import HANDLERS, Evolution, Problem


def bred(seed: int, size: int = 20, generations: int = 3) -> Evolution:
    evolution = Evolution(Problem(seed), size, seed)
    for _ in range(generations):
        evolution.advance()
    return evolution


@pytest.mark.parametrize("size", [5, 20])
def test_three_generations_halve_the_cost_whatever_the_seed(size: int) -> None:
    bests = [bred(seed, size).best.fitness for seed in range(100)]

    assert min(bests) > 0.5
    assert len(set(bests)) > 50  # measured, not made up: problems differ


def test_fitness_is_what_a_count_by_hand_gives() -> None:
    problem = Problem(3)
    best = bred(3).best

    def tried(order: tuple[str, ...]) -> int:
        return sum(order.index(request) + 1 for request in problem._workload)

    baseline = problem.baseline.order
    assert best.fitness == pytest.approx(1 - tried(best.order) / tried(baseline))
    assert problem.baseline.fitness == 0.0
    assert problem.measure(tuple(reversed(baseline)), 1).fitness > best.fitness * 0.9


def test_the_same_seed_gives_the_same_run() -> None:
    one, same, other = bred(1), bred(1), bred(2)

    assert one.population == same.population
    assert one.bests == same.bests
    assert one.bests != other.bests


def test_the_best_never_gets_worse_and_the_size_stays() -> None:
    evolution = bred(5, size=8, generations=12)

    assert evolution.bests == sorted(evolution.bests)
    assert len(evolution.population) == 8
    assert sum(evolution.improvements) == pytest.approx(evolution.best.fitness)
    assert all(sorted(candidate.order) == sorted(HANDLERS) for candidate in evolution.population)
    assert 0.0 <= evolution.diversity <= 1.0
    assert len({candidate.number for candidate in evolution.population}) == 8


def test_clones_have_no_diversity() -> None:
    assert Evolution(Problem(1), 5, 1).diversity == 0.0
