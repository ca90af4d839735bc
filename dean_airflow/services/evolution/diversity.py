"""The diversity extension: how different agents are by their strategies, and what makes them more so.

A candidate's strategies are its edits; candidates are looked at and never changed. Agents that clients register are
kept in the store, where IndexAgent has them too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

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
from dean_airflow.store.agents import StoredAgent, is_candidate
from dean_airflow.store.store import Store

CONVERGED = 0.8
"""Share of a population with the same strategies from which it is a monoculture."""
FEW = 1.0
"""Bits of entropy below which the strategies in use are too few."""
STAGNATION = 5
"""Generations without a better fitness."""
MOST = 1000


class Diversity:
    """Every method may raise ApiError 404 for an agent or population there is not, and StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def metrics(self, population_id: str | None) -> DiversityMetrics:
        """Of a population, or of all agents that clients made."""
        members = self._members(population_id)
        distances = _distances(members)
        score = _mean(distances)
        spread = _mean([(distance - score) ** 2 for distance in distances])
        counts = Counter(strategy for member in members for strategy in _strategies(member))
        return DiversityMetrics(
            diversity_score=score,
            similarity=1 - score,
            variance=spread,
            entropy=_entropy(counts),
            unique_strategies=len(counts),
        )

    def register(self, body: RegisterAgent) -> RegisteredAgent:
        """Keeps an agent under the id the client has for it; one there is told anew. 400: a candidate's id."""
        if is_candidate(body.agent_id):
            raise ApiError(400, "That is the id of a trial's candidate, which is registered already.")
        known = self._store.agents.get(body.agent_id)
        agent = known or StoredAgent(
            id=body.agent_id,
            name=body.agent_id,
            type=None,
            status="active",
            generation=0,
            fitness=None,
            created_at=self._store.now(),
        )
        genome = {**agent.genome, "strategies": list(dict.fromkeys(body.strategies))}
        told = replace(agent, generation=body.generation, parents=list(body.lineage), genome=genome)
        self._store.agents.add([told])
        return RegisteredAgent(agent_id=body.agent_id)

    def check(self, agent_ids: Sequence[str]) -> DiversityCheck:
        members = [self._agent(agent_id) for agent_id in dict.fromkeys(agent_ids)]
        score = _mean(_distances(members))
        needed = len(members) > 1 and score < HEALTHY
        urgent = needed and score < CRITICAL
        return DiversityCheck(
            population_size=len(members),
            diversity_score=score,
            threshold=HEALTHY,
            needs_intervention=needed,
            recommendations=["mutation", "foreign_import"] if urgent else ["mutation"] if needed else [],
        )

    def check_population(self, population_id: str) -> InterventionCheck:
        """The first reason there is, by how pressing it is; a population of one never needs anything."""
        members = self._members(population_id)
        if len(members) < 2:
            return InterventionCheck(needed=False)
        score = _mean(_distances(members))
        alike = Counter(_strategies(member) for member in members).most_common(1)[0][1] / len(members)
        counts = Counter(strategy for member in members for strategy in _strategies(member))
        if alike >= CONVERGED:
            return InterventionCheck(needed=True, reason="high_convergence")
        if score < HEALTHY:
            return InterventionCheck(needed=True, reason="low_variance")
        if counts and _entropy(counts) < FEW:
            return InterventionCheck(needed=True, reason="low_entropy")
        if self._stagnates(population_id):
            return InterventionCheck(needed=True, reason="stagnation")
        return InterventionCheck(needed=False)

    def intervene(self, body: ApplyIntervention) -> AppliedIntervention:
        """Changes one agent of a client's. 400 for a candidate."""
        agent = self._agent(body.agent_id)
        if is_candidate(agent.id):
            raise ApiError(400, "A candidate of a trial stays on record as it was measured.")
        members = self._fellows(agent)
        changed = _changed(agent, members, self._foreign(members), body.type)
        changes: dict[str, object] = {"genome": changed.genome, "parents": changed.parents}
        if changed.genome != agent.genome:
            changes["fitness"] = None  # it is another agent, and unmeasured
        self._store.agents.change(agent.id, **changes)
        after = [changed if member.id == agent.id else member for member in members]
        return AppliedIntervention(
            agent_id=agent.id, type=body.type, before=_mean(_distances(members)), after=_mean(_distances(after))
        )

    def _agent(self, agent_id: str) -> StoredAgent:
        agent = self._store.agents.get(agent_id)
        if agent is None:
            raise ApiError(404, "Agent not found")
        return agent

    def _members(self, population_id: str | None) -> Sequence[StoredAgent]:
        """A trial's id stands for its islands together."""
        if population_id is None:
            return self._store.agents.made(MOST)
        population = self._store.agents.population(population_id)
        if population is not None:
            return population.agents
        islands = self._store.agents.islands(population_id)
        if not islands:
            raise ApiError(404, "Population not found")
        return [agent for island in islands for agent in island.agents]

    def _fellows(self, agent: StoredAgent) -> Sequence[StoredAgent]:
        if agent.population_id is not None:
            return self._members(agent.population_id)
        return [one for one in self._store.agents.made(MOST) if one.population_id is None]

    def _foreign(self, members: Sequence[StoredAgent]) -> list[str]:
        """Strategies that none of the members has: of other agents, and of edits that won in trials."""
        own = {strategy for member in members for strategy in _strategies(member)}
        others = [strategy for agent in self._store.agents.made(MOST) for strategy in _strategies(agent)]
        won = [found.pattern.kind for found in self._store.discoveries.list()]
        return [strategy for strategy in dict.fromkeys([*won, *others]) if strategy not in own]

    def _stagnates(self, population_id: str) -> bool:
        view = self._store.discoveries.view(population_id.removeprefix("pop-").rpartition("-")[0] or population_id)
        gains = [] if view is None else view.trial.improvements[-STAGNATION:]
        return len(gains) == STAGNATION and not any(gains)


def _changed(agent: StoredAgent, members: Sequence[StoredAgent], foreign: Sequence[str], kind: str) -> StoredAgent:
    """The agent after an intervention of a kind."""
    mine = list(agent.genome.get("strategies", []))
    if kind == "lineage_reset":
        return replace(agent, parents=[])
    if kind == "crossover":
        other = max(members, key=lambda one: (_distance(agent, one), one.id))
        theirs = list(other.genome.get("strategies", []))
        made = [*mine[: len(mine) // 2], *theirs[len(theirs) // 2 :]]
        return _with(agent, made or mine, [agent.id, other.id])
    if kind == "foreign_import":
        return _with(agent, [*mine, *foreign[:1]] if foreign else mine, [agent.id])
    # A mutation gives up what most have, for something that nobody has where there is any such.
    usual = Counter(strategy for member in members for strategy in _strategies(member))
    shared = max(mine, key=lambda strategy: (usual[strategy], strategy), default=None)
    kept = [strategy for strategy in mine if strategy != shared] if len(mine) > 1 or foreign else mine
    return _with(agent, [*kept, *foreign[:1]], [agent.id])


def _with(agent: StoredAgent, strategies: Sequence[str], parents: list[str]) -> StoredAgent:
    lineage = list(dict.fromkeys([*agent.parents, *(one for one in parents if one != agent.id)]))
    return replace(agent, genome={**agent.genome, "strategies": list(dict.fromkeys(strategies))}, parents=lineage)


def _strategies(agent: StoredAgent) -> frozenset[str]:
    return frozenset(agent.genome.get("strategies", []))


def _distance(one: StoredAgent, other: StoredAgent) -> float:
    """Jaccard's: the share of their strategies that only one of them has; half of it, plus half the mean difference of
    their traits, where both have traits.
    """
    mine, theirs = _strategies(one), _strategies(other)
    union = len(mine | theirs)
    by_strategies = 1 - len(mine & theirs) / union if union else 0.0
    a, b = one.genome.get("traits", {}), other.genome.get("traits", {})
    shared = set(a) & set(b)
    if not shared:
        return by_strategies
    by_traits = float(sum(abs(a[name] - b[name]) for name in shared) / len(shared))
    return (by_strategies + by_traits) / 2 if union else by_traits


def _distances(members: Sequence[StoredAgent]) -> list[float]:
    return [_distance(one, other) for one, other in combinations(members, 2)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _entropy(counts: Counter[str]) -> float:
    """Bits."""
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0
