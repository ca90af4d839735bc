"""How new genomes come from old ones. Every function takes its randomness from the caller."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.edits.source import EditSource, Site, SourceTree

LONGEST = 200
"""Edits of one genome; more only cost time to apply."""


@dataclass(frozen=True)
class Proposer:
    """Draws edits: a site by its weight, then a source and an edit of it by how it has paid before."""

    sites: Sequence[Site]
    sources: Sequence[EditSource]
    tree: SourceTree
    allow_behavioural: bool
    prior: dict[str, float]
    """Edit kind (`source.kind`) → relative chance, from patterns; 1 where unknown."""

    def draw(self, rng: random.Random, tries: int = 20) -> Edit | None:
        """An edit that the policy allows, or None if none was met."""
        sources = [source for source in self.sources if self.allow_behavioural or source.preserves]
        for _ in range(tries if sources else 0):
            site = rng.choices(self.sites, [site.weight for site in self.sites])[0]
            edit = rng.choice(sources).propose(site, self.tree, rng)
            if edit is not None and self.allowed(edit) and rng.random() < self.chance(edit):
                return edit
        return None

    def allowed(self, edit: Edit) -> bool:
        return self.allow_behavioural or edit.label == "preserving"

    def chance(self, edit: Edit) -> float:
        """0.2..1: kinds that paid more often are kept more often."""
        return min(1.0, max(0.2, 0.5 * self.prior.get(f"{edit.source}.{edit.kind}", 1.0)))


def crossover(one: Genome, other: Genome, rng: random.Random) -> Genome:
    """What both have, and each edit that one has with even chance; in the order of their parents."""
    shared = set(one) & set(other)
    merged = dict.fromkeys((*one, *other))
    return tuple(edit for edit in merged if edit in shared or rng.random() < 0.5)[:LONGEST]


def mutate(genome: Genome, proposer: Proposer, rate: float, rng: random.Random) -> Genome:
    """Each edit is dropped with chance `rate`, and at least one change is made: an edit more, fewer, or replaced."""
    kept = tuple(edit for edit in genome if rng.random() >= rate)
    action = rng.random()
    if kept and action < 0.3:
        gone = rng.randrange(len(kept))
        kept = kept[:gone] + kept[gone + 1 :]
    if action < 0.2 and kept != genome:
        return kept
    added = proposer.draw(rng)
    if added is None or added in kept:
        return kept
    return (*kept, added)[:LONGEST]
