"""Populations that clients make, and how one generation leads to the next.

Nothing here measures: an agent's fitness is what a client has measured and put on it. An agent that is varied is
another one, and unmeasured.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dean_airflow.services.contract.populations import CreatePopulation, Generation, GenerationStats, Population
from dean_airflow.services.indexagent.agents import agent_of
from dean_airflow.store.agents import StoredAgent, StoredPopulation, new_agent_id, new_population_id

ELITE = 2
"""Of the measured, so many go on as they are."""
CONTESTANTS = 3
"""Of a tournament."""
STEP = 0.1
"""Standard deviation of a trait's mutation."""


def new_population(body: CreatePopulation, now: datetime) -> StoredPopulation:
    """`size` agents, each with the traits and strategies that `config` names, or none."""
    population_id = new_population_id()
    genome = {
        "traits": _traits(body.config.get("traits")),
        "strategies": _strategies(body.config.get("strategies")),
        "mutation_rate": body.mutation_rate,
    }
    rng = random.Random(population_id)
    agents = [
        StoredAgent(
            id=new_agent_id(),
            name=f"{body.agent_type or 'agent'} {number}",
            type=body.agent_type,
            status="active",
            generation=0,
            fitness=None,
            created_at=now,
            population_id=population_id,
            genome=_mutated(genome, 1.0, rng) if number else genome,
        )
        for number in range(body.size)
    ]
    return StoredPopulation(population_id, body.model_dump(mode="json"), 0, now, agents)


def next_generation(population: StoredPopulation, now: datetime) -> tuple[StoredPopulation, list[str]]:
    """The population a generation on, and the ids of the agents that gave way to offspring.

    The fittest measured agents stay; each other place goes to a child of selected parents. The same population gives
    the same children's genomes.
    """
    rng = random.Random(f"{population.id}/{population.generation}")
    config = population.config
    ranked = sorted(
        population.agents, key=lambda agent: (-(agent.fitness if agent.fitness is not None else -1), agent.id)
    )
    elite = [agent for agent in ranked if agent.fitness is not None][:ELITE]
    kept = [replace(agent, generation=population.generation + 1, updated_at=now) for agent in elite]
    children = [_child(population, ranked, number, now, rng) for number in range(len(ranked) - len(kept))]
    staying = {agent.id for agent in elite}
    gone = [agent.id for agent in ranked if agent.id not in staying]
    best = max((agent.fitness for agent in ranked if agent.fitness is not None), default=population.best_fitness)
    after = StoredPopulation(
        population.id, config, population.generation + 1, population.created_at, [*kept, *children]
    )
    return replace(after, best_fitness=best), gone


def population_of(population: StoredPopulation) -> Population:
    best, mean = _fitness(population.agents)
    return Population(
        population_id=population.id,
        config=population.config,
        agents=[agent_of(agent) for agent in population.agents],
        generation=population.generation,
        best_fitness=best,
        avg_fitness=mean,
        created_at=population.created_at,
    )


def generation_of(population: StoredPopulation) -> Generation:
    """`improvement` is over the best that was known before this generation; None while one of them is unknown."""
    best, mean = _fitness(population.agents)
    measured = [agent for agent in population.agents if agent.fitness is not None]
    known = best is not None and population.best_fitness is not None
    return Generation(
        generation=population.generation,
        best_agent=agent_of(max(measured, key=lambda agent: agent.fitness or 0.0)) if measured else None,
        population=[agent_of(agent) for agent in population.agents],
        stats=GenerationStats(
            best_fitness=best,
            avg_fitness=mean,
            improvement=max(0.0, best - population.best_fitness) if known else None,  # type: ignore[operator]
        ),
    )


def _child(
    population: StoredPopulation, ranked: Sequence[StoredAgent], number: int, now: datetime, rng: random.Random
) -> StoredAgent:
    config = population.config
    one = _select(ranked, config["selection_method"], rng)
    parents = [one]
    genome = one.genome
    if rng.random() < config["crossover_rate"]:
        other = _select(ranked, config["selection_method"], rng)
        parents.append(other)
        genome = _crossed(one.genome, other.genome, rng)
    return StoredAgent(
        id=new_agent_id(),
        name=f"{one.type or 'agent'} {population.generation + 1}.{number}",
        type=one.type,
        status="active",
        generation=population.generation + 1,
        fitness=None,
        created_at=now,
        population_id=population.id,
        config=one.config,
        genome=_mutated(genome, config["mutation_rate"], rng),
        parents=list(dict.fromkeys(parent.id for parent in parents)),
    )


def _select(ranked: Sequence[StoredAgent], method: str, rng: random.Random) -> StoredAgent:
    """`ranked` is best first, the unmeasured last."""
    if method == "roulette":
        weights = [(agent.fitness or 0.0) + 1e-6 for agent in ranked]
        return rng.choices(ranked, weights)[0]
    if method == "rank":
        return rng.choices(ranked, range(len(ranked), 0, -1))[0]
    if method == "elitist":
        return ranked[rng.randrange(min(ELITE, len(ranked)))]
    return ranked[min(rng.randrange(len(ranked)) for _ in range(CONTESTANTS))]


def _crossed(one: dict[str, Any], other: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    traits = {
        name: rng.choice([value, other.get("traits", {}).get(name, value)]) for name, value in one["traits"].items()
    }
    mine, theirs = one.get("strategies", []), other.get("strategies", [])
    cut = rng.randint(0, min(len(mine), len(theirs)))
    return {**one, "traits": traits, "strategies": list(dict.fromkeys([*mine[:cut], *theirs[cut:]]))}


def _mutated(genome: dict[str, Any], rate: float, rng: random.Random) -> dict[str, Any]:
    traits = {
        name: min(1.0, max(0.0, value + rng.gauss(0.0, STEP))) if rng.random() < rate else value
        for name, value in genome.get("traits", {}).items()
    }
    return {**genome, "traits": traits}


def _fitness(agents: Sequence[StoredAgent]) -> tuple[float | None, float | None]:
    measured = [agent.fitness for agent in agents if agent.fitness is not None]
    return (max(measured), sum(measured) / len(measured)) if measured else (None, None)


def _traits(given: Any) -> dict[str, float]:
    if not isinstance(given, dict):
        return {}
    return {
        str(name)[:250]: float(value)
        for name, value in given.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    }


def _strategies(given: Any) -> list[str]:
    return [str(one)[:250] for one in given if isinstance(one, str)] if isinstance(given, list) else []
