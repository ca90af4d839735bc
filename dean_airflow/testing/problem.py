"""The small problem that stub trials solve, so that even their fitness is measured.

A dispatcher tries its handlers one after another until one knows the request. A candidate is the order of the handlers;
its cost is the mean number of handlers tried over a workload, counted while the workload is really dispatched. The
baseline tries the handlers in demand last, so there is something to win, and nothing depends on the machine.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

Order = tuple[str, ...]

HANDLERS: Order = (
    "archive", "backup", "cancel", "diff", "export", "fetch", "graph", "history",
    "import", "join", "keep", "list", "merge", "note", "open", "query",
)  # fmt: skip
_REQUESTS = 400
"""Requests in a workload: enough that the order of demand is that of the weights."""
_MOVES = 3
"""Handlers that a mutation moves to the front."""


@dataclass(frozen=True)
class Candidate:
    """An order and what was measured of it. Fitness is 1 − cost / cost of the baseline, clipped at 0.

    `number` tells the candidates of one `Evolution` apart; -1 outside of any.
    """

    order: Order
    cost: float
    fitness: float
    generation: int
    number: int = -1


class Problem:
    """A workload drawn from `seed`, and the candidates tried on it. The same seed gives the same problem."""

    def __init__(self, seed: int | str) -> None:
        chance = random.Random(seed)
        wanted = chance.sample(HANDLERS, len(HANDLERS))
        weights = [0.65**rank for rank in range(len(wanted))]
        self._workload = chance.choices(wanted, weights, k=_REQUESTS)
        self._baseline_order: Order = tuple(reversed(wanted))
        self._baseline_cost = self._tried_per_request(self._baseline_order)
        self.baseline = self.measure(self._baseline_order, generation=0)

    def measure(self, order: Order, generation: int) -> Candidate:
        """Dispatches the whole workload in this order and counts."""
        cost = self._tried_per_request(order)
        return Candidate(order, cost, max(0.0, 1 - cost / self._baseline_cost), generation)

    def _tried_per_request(self, order: Order) -> float:
        tried = 0
        for request in self._workload:
            for handler in order:
                tried += 1
                if handler == request:
                    break
        return tried / len(self._workload)

    def vary(self, order: Order, chance: random.Random) -> Order:
        """The order with the handlers of some requests of the workload moved to the front."""
        changed = list(order)
        for request in chance.choices(self._workload, k=_MOVES):
            changed.remove(request)
            changed.insert(0, request)
        return tuple(changed)


class Evolution:
    """A population that is bred on a problem, one generation at a time."""

    def __init__(self, problem: Problem, size: int, seed: int | str) -> None:
        """`size`: candidates in a generation, at least 2. `seed` decides every draw."""
        self._problem, self._chance = problem, random.Random(seed)
        self._numbers = itertools.count()
        self.population = [replace(problem.baseline, number=next(self._numbers)) for _ in range(size)]
        self.generation = 0
        self.bests: list[float] = [problem.baseline.fitness]
        """Best fitness so far, one entry a generation, the baseline's first."""

    @property
    def best(self) -> Candidate:
        return self.population[0]

    @property
    def improvements(self) -> list[float]:
        """Gain in best fitness, one a generation."""
        return [after - before for before, after in pairwise(self.bests)]

    @property
    def diversity(self) -> float:
        """Mean share of places in which two candidates of the population differ: 0 all alike, 1 nothing in common."""
        orders = [candidate.order for candidate in self.population]
        pairs = [_differing(one, other) for number, one in enumerate(orders) for other in orders[:number]]
        return sum(pairs) / len(pairs)

    def advance(self) -> Candidate:
        """One generation more: tournaments choose the parents, the better half stays. Returns the best candidate."""
        self.generation += 1
        size = len(self.population)
        parents = [min(self._chance.choices(self.population, k=3), key=lambda one: one.cost) for _ in range(size)]
        children = [self._child_of(parent) for parent in parents]
        self.population = sorted([*self.population, *children], key=lambda one: (one.cost, one.number))[:size]
        self.bests.append(self.best.fitness)
        return self.best

    def _child_of(self, parent: Candidate) -> Candidate:
        order = self._problem.vary(parent.order, self._chance)
        return replace(self._problem.measure(order, self.generation), number=next(self._numbers))


def _differing(one: Sequence[str], other: Sequence[str]) -> float:
    return sum(a != b for a, b in zip(one, other, strict=True)) / len(one)
