"""The diversity extension of the Evolution stub: how different registered agents, or a trial's population, are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from dean_airflow.services.contract.diversity import (
    CRITICAL,
    HEALTHY,
    AppliedIntervention,
    ApplyIntervention,
    DiversityCheck,
    DiversityMetrics,
    InterventionCheck,
    RegisterAgent,
    RegisteredAgent,
)
from dean_airflow.services.server.faults import ApiError

if TYPE_CHECKING:
    from dean_airflow.testing.evolution_trials import StubTrial


class Diversity:
    """Answers the routes of the extension, about agents and their strategies.

    The distance of two is Jaccard's: the share of their strategies that only one of them has.
    """

    def __init__(self, trials: Mapping[str, StubTrial]) -> None:
        self._trials = trials
        self.agents: dict[str, frozenset[str]] = {}

    def clear(self) -> None:
        self.agents.clear()

    def metrics(self, population_id: str | None) -> DiversityMetrics:
        return _metrics_of(self._members(population_id))

    def register(self, body: RegisterAgent) -> RegisteredAgent:
        self.agents[body.agent_id] = frozenset(body.strategies)
        return RegisteredAgent(agent_id=body.agent_id)

    def check(self, agent_ids: Sequence[str]) -> DiversityCheck:
        members = [self._agent(agent_id) for agent_id in dict.fromkeys(agent_ids)]
        score = score_of(members)
        needed = len(members) > 1 and score < HEALTHY
        advice = ["mutation", "foreign_import"] if needed and score < CRITICAL else ["mutation"] if needed else []
        return DiversityCheck(
            population_size=len(members),
            diversity_score=score,
            threshold=HEALTHY,
            needs_intervention=needed,
            recommendations=advice,
        )

    def check_population(self, population_id: str) -> InterventionCheck:
        members = self._members(population_id)
        needed = len(members) > 1 and score_of(members) < HEALTHY
        return InterventionCheck(needed=needed, reason="low_variance" if needed else None)

    def intervene(self, body: ApplyIntervention) -> AppliedIntervention:
        """Gives the agent a strategy that nobody else has, whatever the kind of intervention."""
        self._agent(body.agent_id)
        before = score_of(list(self.agents.values()))
        self.agents[body.agent_id] |= {f"{body.type} of {body.agent_id} #{len(self.agents[body.agent_id])}"}
        after = score_of(list(self.agents.values()))
        return AppliedIntervention(agent_id=body.agent_id, type=body.type, before=before, after=after)

    def _agent(self, agent_id: str) -> frozenset[str]:
        if agent_id not in self.agents:
            raise ApiError(404, "Agent not found")
        return self.agents[agent_id]

    def _members(self, population_id: str | None) -> list[frozenset[str]]:
        """Of a trial's population, or all registered agents. An order's strategies are which handler precedes which."""
        if population_id is None:
            return list(self.agents.values())
        if population_id not in self._trials:
            raise ApiError(404, "Population not found")
        population = self._trials[population_id].evolution.population
        return [frozenset(f"{a} before {b}" for a, b in combinations(one.order[:4], 2)) for one in population]


def _metrics_of(members: Sequence[frozenset[str]]) -> DiversityMetrics:
    distances = _distances(members)
    score = score_of(members)
    spread = sum((distance - score) ** 2 for distance in distances) / len(distances) if distances else 0.0
    counts = Counter(strategy for member in members for strategy in member)
    total = counts.total()
    entropy = -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0
    return DiversityMetrics(
        diversity_score=score, similarity=1 - score, variance=spread, entropy=entropy, unique_strategies=len(counts)
    )


def score_of(members: Collection[frozenset[str]]) -> float:
    """Mean distance of all pairs: 0 all alike (or fewer than two), 1 nothing in common."""
    distances = _distances(members)
    return sum(distances) / len(distances) if distances else 0.0


def _distances(members: Collection[frozenset[str]]) -> list[float]:
    return [1 - len(a & b) / len(a | b) if a | b else 0.0 for a, b in combinations(members, 2)]
