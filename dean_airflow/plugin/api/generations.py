"""The curves of a trial: what each island's generations came to, put together of its events and its evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dean_airflow.plugin.api.models import GenerationPoint, Generations
from dean_airflow.store.candidates import GenerationTally

POINTS_AT_MOST = 2000
POINTS_OF_AN_ISLAND = 200


def generations_of(
    events: Sequence[tuple[Any, Mapping[str, Any]]], tallies: Sequence[GenerationTally], threshold: float
) -> Generations:
    """`events` are (when, data) of the `generation` events; a generation that has none yet is still going on."""
    told = {(int(data["island"]), int(data["number"])): (at, data) for at, data in events if "island" in data}
    counted = {(tally.island, tally.generation): tally for tally in tallies}
    by_island: dict[int, list[GenerationPoint]] = {}
    costs: dict[int, float | None] = {}
    judged: dict[int, int] = {}
    for island, number in sorted(told.keys() | counted.keys()):
        at, data = told.get((island, number), (None, {}))
        tally = counted.get((island, number))
        verdicts = tally.verdicts if tally else {}
        judged[island] = max(judged.get(island, 0) + sum(verdicts.values()), int(data.get("evaluations", 0)))
        costs[island] = _least(costs.get(island), tally.best_cost if tally else None)
        by_island.setdefault(island, []).append(
            GenerationPoint(
                island=island,
                number=number,
                best_fitness=data.get("best_fitness"),
                mean_fitness=data.get("mean_fitness"),
                best_cost=costs[island],
                diversity=data.get("diversity"),
                diversity_before=data.get("diversity_before"),
                evaluations=judged[island],
                injected=int(data.get("injected", 0)),
                verdicts=verdicts,
                at=at,
            )
        )
    longest = max((len(points) for points in by_island.values()), default=0)
    room = max(2, min(POINTS_OF_AN_ISLAND, POINTS_AT_MOST // max(1, len(by_island))))
    step = max(1, -(-longest // room))
    shown = [point for points in by_island.values() for point in _fewer(points, step)]
    return Generations(generations=shown, islands=len(by_island), step=step, diversity_threshold=threshold)


def _fewer(points: list[GenerationPoint], step: int) -> list[GenerationPoint]:
    return points if step == 1 else [_merged(points[at : at + step]) for at in range(0, len(points), step)]


def _merged(points: list[GenerationPoint]) -> GenerationPoint:
    """The last of them stands for all; what could hide between them does not."""
    last = points[-1]
    verdicts: dict[str, int] = {}
    for point in points:
        for verdict, count in point.verdicts.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    return last.model_copy(
        update={
            "best_fitness": max((p.best_fitness for p in points if p.best_fitness is not None), default=None),
            "diversity": min((p.diversity for p in points if p.diversity is not None), default=None),
            "diversity_before": min(
                (p.diversity_before for p in points if p.diversity_before is not None), default=None
            ),
            "injected": sum(point.injected for point in points),
            "verdicts": verdicts,
        }
    )


def _least(one: float | None, other: float | None) -> float | None:
    known = [cost for cost in (one, other) if cost is not None]
    return min(known, default=None)
