"""Individuals and their ranking: DEAP's operators over genomes with measured fitness."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from dean_airflow.evolution.edits.edit import Genome
from dean_airflow.evolution.judge.evaluation import Evaluation

ELITE = 2
TOURNAMENT = 3


@dataclass
class Individual:
    """A genome with its evaluation; `fitness` is what DEAP's tools look at."""

    genome: Genome
    evaluation: Evaluation | None
    fitness: Any = field(init=False)

    def __post_init__(self) -> None:
        self.fitness = _objectives()()
        valid = self.evaluation is not None and self.evaluation.verdict != "invalid"
        gain = -self.evaluation.cost if valid and self.evaluation and self.evaluation.cost else -1e6
        self.fitness.values = (gain, float(len(self.genome)))

    @property
    def score(self) -> float:
        """Measured fitness, 0 for an invalid candidate."""
        return self.evaluation.fitness if self.evaluation else 0.0


@cache
def _objectives() -> type[Any]:
    """Lower cost first, then fewer edits; DEAP maximises weighted values."""
    from deap import base

    return type("Objectives", (base.Fitness,), {"weights": (1.0, -0.01)})


def survivors(population: Sequence[Individual], size: int) -> list[Individual]:
    """`size` of them, the best by NSGA-II over cost and number of edits; the elite by cost alone comes first.

    A genome is there once, unless there are too few different ones to fill the population.
    """
    from deap import tools

    unique = list({individual.genome: individual for individual in population}.values())
    elite = sorted(unique, key=lambda one: (-one.fitness.values[0], len(one.genome), str(one.genome)))[:ELITE]
    rest = [one for one in unique if one not in elite]
    chosen = tools.selNSGA2(rest, min(len(rest), size - len(elite))) if rest else []
    kept = [*elite, *chosen][:size]
    return [*kept, *population[: size - len(kept)]]


def parents(population: Sequence[Individual], count: int, rng: random.Random) -> list[Individual]:
    """Tournaments of three, with randomness from `rng` alone."""
    from deap import tools

    with _deap_draws_from(rng):
        return list(tools.selTournament(list(population), count, TOURNAMENT))


@contextmanager
def _deap_draws_from(rng: random.Random) -> Any:
    """DEAP draws from the module `random`; a run must be a function of its own seed."""
    before = random.getstate()
    random.seed(rng.random())
    try:
        yield
    finally:
        random.setstate(before)
