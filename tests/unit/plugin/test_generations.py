"""The curves of a trial, brought down to what a chart can show without hiding what happened."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dean_airflow.plugin.api.generations import generations_of
from dean_airflow.store.candidates import GenerationTally

AT = datetime(2026, 1, 1, tzinfo=UTC)


def told(island: int, number: int, diversity: float = 0.5) -> tuple[datetime, dict[str, object]]:
    data = {"island": island, "number": number, "best_fitness": number / 1000, "mean_fitness": 0.0}
    return AT, {
        **data,
        "diversity": diversity,
        "diversity_before": diversity,
        "evaluations": 10 * number,
        "injected": 1,
    }


@pytest.mark.parametrize(("islands", "generations", "step"), [(1, 101, 1), (64, 101, 4), (1, 1000, 5), (1, 201, 2)])
def test_points_are_bounded_and_keep_the_worst_and_the_best(islands: int, generations: int, step: int) -> None:
    events = [
        told(island, number, 0.01 if number == generations // 2 else 0.5)
        for island in range(islands)
        for number in range(generations)
    ]
    tallies = [GenerationTally(i, n, {"win": 1, "worse": 2}, 0.9) for i in range(islands) for n in range(generations)]

    found = generations_of(events, tallies, 0.3)

    assert (found.step, found.islands) == (step, islands)
    assert len(found.generations) <= 2000
    for island in range(islands):
        points = [point for point in found.generations if point.island == island]
        assert len(points) <= 200
        assert points[-1].number == generations - 1
        assert min(point.diversity for point in points if point.diversity is not None) == 0.01
        assert points[-1].best_fitness == (generations - 1) / 1000
        assert sum(point.verdicts["win"] for point in points) == generations
        assert sum(point.injected for point in points) == generations


def test_a_generation_without_an_event_goes_on() -> None:
    found = generations_of([told(0, 0)], [GenerationTally(0, 1, {"worse": 3}, None)], 0.3)

    assert [(point.number, point.diversity, point.best_cost) for point in found.generations] == [
        (0, 0.5, None),
        (1, None, None),
    ]


def test_the_best_cost_is_of_all_until_then() -> None:
    tallies = [GenerationTally(0, number, {"win": 1}, cost) for number, cost in enumerate((0.9, 0.95, 0.8))]

    assert [point.best_cost for point in generations_of([], tallies, 0.3).generations] == [0.9, 0.9, 0.8]
