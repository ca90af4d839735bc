"""How different the genomes of a population are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from dean_airflow.evolution.edits.edit import Genome


def distance(one: Genome, other: Genome) -> float:
    """Jaccard distance of the sets of edits: 0 for the same edits in any order, 1 for none in common."""
    a, b = set(one), set(other)
    union = len(a | b)
    return 1.0 - len(a & b) / union if union else 0.0


def diversity(population: Sequence[Genome]) -> float:
    """Mean pairwise distance, 0..1; 0 for fewer than two genomes."""
    distances = [distance(one, other) for one, other in combinations(population, 2)]
    return sum(distances) / len(distances) if distances else 0.0
