"""How a champion came together: the winning candidates whose edits it contains, smaller before larger.

Edits keep their identity through crossover and mutation, so descent can be read off the genomes themselves: a
candidate descends from the largest earlier winners that are part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.report.data import LineageNode

MOST_NODES = 30


@dataclass(frozen=True)
class Judged:
    """An evaluation with its place in the search."""

    island: int
    generation: int
    sequence: int
    evaluation: Evaluation


def lineage(champion: Sequence[str], judged: Iterable[Judged]) -> tuple[LineageNode, ...]:
    """The champion's ancestors and itself, in order of size, at most `MOST_NODES`; empty when it was never judged.

    `champion` is the genome as it was found (text forms), before it was minimised.
    """
    whole = frozenset(champion)
    first: dict[frozenset[str], Judged] = {}
    for one in judged:
        edits = frozenset(one.evaluation.genome)
        wins = one.evaluation.verdict == "win" or edits == whole
        if wins and edits and edits <= whole and edits not in first:
            first[edits] = one
    if whole not in first:
        return ()
    parents = {edits: _largest_parts(edits, first) for edits in first}
    kept = _reachable(whole, parents)
    ordered = sorted(kept, key=lambda edits: (len(edits), first[edits].generation, first[edits].sequence))
    return tuple(_node(edits, first[edits], [p for p in parents[edits] if p in kept], first) for edits in ordered)


def _largest_parts(edits: frozenset[str], first: dict[frozenset[str], Judged]) -> list[frozenset[str]]:
    """Earlier winners that are part of a candidate, without those that are part of one another; two at most."""
    when = _when(first[edits])
    parts = sorted((other for other in first if other < edits and _when(first[other]) < when), key=len, reverse=True)
    largest: list[frozenset[str]] = []
    for part in parts:
        if not any(part < other for other in largest):
            largest.append(part)
    return largest[:2]


def _reachable(whole: frozenset[str], parents: dict[frozenset[str], list[frozenset[str]]]) -> set[frozenset[str]]:
    """The champion and its ancestors, nearest first, as many as are shown."""
    kept, waiting = {whole}, [whole]
    while waiting and len(kept) < MOST_NODES:
        for parent in parents[waiting.pop(0)]:
            if parent not in kept and len(kept) < MOST_NODES:
                kept.add(parent)
                waiting.append(parent)
    return kept


def _when(one: Judged) -> tuple[int, int, int]:
    """An order that holds within an island; among islands, by generation."""
    return one.generation, one.sequence, one.island


def _node(
    edits: frozenset[str], one: Judged, parents: list[frozenset[str]], first: dict[frozenset[str], Judged]
) -> LineageNode:
    return LineageNode(
        key=_key(one),
        parents=tuple(_key(first[parent]) for parent in parents),
        edits=tuple(sorted(edits)),
        island=one.island,
        generation=one.generation,
        sequence=one.sequence,
        fitness=one.evaluation.fitness,
    )


def _key(one: Judged) -> str:
    return f"{one.island}.{one.sequence}"
