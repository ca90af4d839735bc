"""One island: the sweep, then generations of evolution, until a limit or a goal is reached.

An island is a function of its seed, of its measurements and of the migrants it took; the last two are recorded, so a
resumed island repeats itself up to where it was and goes on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.source import EditSource, Site, SourceTree
from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.search import sweep
from dean_airflow.evolution.search.diversity import diversity
from dean_airflow.evolution.search.population import ELITE, Individual, parents, survivors
from dean_airflow.evolution.search.recorder import Exhausted, Recorder
from dean_airflow.evolution.search.variation import Proposer, crossover, mutate
from dean_airflow.evolution.trial_config import TrialConfig

StopReason = Literal["fitness", "generations", "evaluations", "runtime", "converged", "cancelled"]

SWEEP_SHARE = 0.6
"""Of the island's evaluations and running time; the rest is for combining and evolving."""
LOW_DIVERSITY = 0.15
CONVERGED = 0.9
PATIENCE = 3
"""Generations that convergence may outlast an intervention."""
WEAKEST_SHARE = 0.3
"""Of the population: mutated whenever diversity is below its threshold."""
IMPORTED_SHARE = 0.25
"""Of the population: replaced besides by newcomers, below LOW_DIVERSITY."""


@dataclass(frozen=True)
class Generation:
    """What one generation came to; number 0 is what the sweep found."""

    number: int
    best_fitness: float
    mean_fitness: float
    diversity: float
    evaluations: int
    injected: int
    """Individuals replaced because diversity was below its threshold."""
    diversity_before: float
    """Before the injection; the same as `diversity` without one."""


@dataclass(frozen=True)
class Exchange:
    """Champions among islands: `offer` after a generation, `take` another island's best (a recorded choice)."""

    offer: Callable[[int, Genome, float], None]
    take: Callable[[int], Genome | None]


class Island:
    """Runs once; `on_generation` hears each generation in order, `keep_going` may raise to stop."""

    def __init__(
        self,
        number: int,
        count: int,
        config: TrialConfig,
        sites: Sequence[Site],
        sources: Sequence[EditSource],
        tree: SourceTree,
        prior: dict[str, float],
        recorder: Recorder,
        exchange: Exchange,
        on_generation: Callable[[Generation], None],
    ) -> None:
        self.number, self.count, self.config = number, count, config
        self.sites, self.sources, self.tree = sites, sources, tree
        self.recorder, self.exchange, self.on_generation = recorder, exchange, on_generation
        self.rng = random.Random(f"{config.seed}/{number}")
        self.proposer = Proposer(sites, sources, tree, config.edits == "all", prior)
        self.generation = 0
        self.intervened_at: int | None = None
        self.population: list[Individual] = []
        """As it was after the last whole generation."""
        """The first of the generations in a row that an intervention was needed in."""

    def run(self) -> StopReason:
        """Until something stops it. Raises whatever the recorder's `keep` raises."""
        try:
            population = self._found_by_sweep()
            return self._evolve(population)
        except Exhausted as end:
            self.on_generation(self._summary(self.population, 0))
            reason: StopReason = end.args[0]
            return reason

    def _found_by_sweep(self) -> list[Individual]:
        """The first population: what the sweep combined, its best single edits, then random genomes."""
        good = self._sweep()
        genomes = sweep.combine(good, self._evaluate)
        genomes += [(edit,) for _, edit in good]
        genomes = list(dict.fromkeys(genomes))[: self.config.population_size]
        while len(genomes) < self.config.population_size:
            base = self.rng.choice(genomes) if genomes and self.rng.random() < 0.5 else ()
            genomes.append(mutate(base, self.proposer, self.config.mutation_rate, self.rng))
        return [self._individual(genome) for genome in genomes]

    def _sweep(self) -> list[tuple[float, Edit]]:
        """This island's share of the sweep: with migration, islands divide it and exchange what they find."""
        edits = list(sweep.bundles(self.sites, self.sources, self.tree, self.proposer.allowed))
        prior = self.proposer.prior
        edits.sort(key=lambda edit: -prior.get(f"{edit.source}.{edit.kind}", 1.0))  # stable: hot sites stay first
        if self.config.migration and self.count > 1:
            edits = edits[self.number :: self.count]
        allowance = self.recorder.allowance
        found: list[tuple[float, Edit]] = []
        for edit in edits:
            if len(self.recorder.history) > SWEEP_SHARE * allowance.evaluations:
                break
            if self.recorder.seconds > SWEEP_SHARE * allowance.seconds:
                break
            found += sweep.sweep([edit], self._evaluate)
        return sorted(found)

    def _evaluate(self, genome: Genome) -> Evaluation | None:
        return self.recorder.evaluate(genome, self.generation)

    def _individual(self, genome: Genome) -> Individual:
        return Individual(genome, self._evaluate(genome))

    def _evolve(self, population: list[Individual]) -> StopReason:
        population = self.population = survivors(population, self.config.population_size)
        self.on_generation(self._summary(population, 0))
        for number in range(1, self.config.generations + 1):
            self.generation = number
            children = self._children(population)
            population = survivors([*population, *children], self.config.population_size)
            before = diversity([one.genome for one in population])
            population, injected = self._keep_diverse(population)
            population = self.population = self._exchange(population)
            self.on_generation(self._summary(population, injected, before if injected else None))
            if population[0].score >= self.config.fitness_threshold:
                return "fitness"
            if self._has_converged(population):
                return "converged"
        return "generations"

    def _children(self, population: list[Individual]) -> list[Individual]:
        """As many as the population: crossover of two parents, or a copy, then mutation."""
        chosen = parents(population, 2 * self.config.population_size, self.rng)
        children = []
        for one, other in zip(chosen[::2], chosen[1::2], strict=True):
            genome = one.genome
            if self.rng.random() < self.config.crossover_rate:
                genome = crossover(one.genome, other.genome, self.rng)
            if genome in (one.genome, other.genome) or self.rng.random() < 0.5:
                genome = mutate(genome, self.proposer, self.config.mutation_rate, self.rng)
            children.append(self._individual(genome))
        return children

    def _keep_diverse(self, population: list[Individual]) -> tuple[list[Individual], int]:
        """Below the threshold, the weakest are mutated, and when it is low also replaced by newcomers; more newcomers
        follow until diversity is back. The elite is spared. Also says how many were replaced."""
        measured = diversity([one.genome for one in population])
        if measured >= self.config.diversity_threshold:
            self.intervened_at = None
            return population, 0
        if self.intervened_at is None:
            self.intervened_at = self.generation
        size = len(population)
        mutated = max(1, int(WEAKEST_SHARE * size))
        imported = max(1, int(IMPORTED_SHARE * size)) if measured < LOW_DIVERSITY else 0
        injected = 0
        for position in range(size - 1, ELITE - 1, -1):
            enough = injected >= mutated + imported
            if enough and diversity([one.genome for one in population]) >= self.config.diversity_threshold:
                break
            genome = self._newcomer(population[position].genome if injected < mutated else ())
            population[position] = self._individual(genome)
            injected += 1
        return population, injected

    def _newcomer(self, genome: Genome) -> Genome:
        """A genome mutated a few times over; from nothing, what the patterns of other trials favour."""
        for _ in range(self.rng.randint(1, 4)):
            genome = mutate(genome, self.proposer, 0.0, self.rng)
        return genome

    def _exchange(self, population: list[Individual]) -> list[Individual]:
        """Every `migration` generations: offers the best, and takes another island's in place of the weakest."""
        if not self.config.migration or self.count < 2 or self.generation % self.config.migration:
            return population
        best = population[0]
        if best.score > 0:
            self.exchange.offer(self.generation, best.genome, best.score)
        migrant = self.exchange.take(self.generation)
        if migrant is not None:
            arrived = [self._individual(migrant)]
            if best.score > 0:
                united = tuple(dict.fromkeys((*best.genome, *migrant)))
                arrived.append(self._individual(united))
            population = survivors([*population[: -len(arrived)], *arrived], len(population))
        return population

    def _has_converged(self, population: list[Individual]) -> bool:
        if self.intervened_at is None:
            return False
        alike = 1.0 - diversity([one.genome for one in population])
        return alike > CONVERGED and self.generation - self.intervened_at >= PATIENCE

    def _summary(self, population: list[Individual], injected: int, before: float | None = None) -> Generation:
        history = self.recorder.history
        now = diversity([one.genome for one in population])
        scores = [one.score for one in population]
        return Generation(
            number=self.generation,
            best_fitness=max((one.fitness for one in history if one.verdict == "win"), default=0.0),
            mean_fitness=sum(scores) / len(scores) if scores else 0.0,
            diversity=now,
            evaluations=len(history),
            injected=injected,
            diversity_before=now if before is None else before,
        )
