"""How a champion, or the best candidate so far, came together; and what islands gave one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.report.data import LineageNode
from dean_airflow.evolution.report.lineage import MOST_NODES, Judged, lineage
from dean_airflow.plugin.api.answers import EDITS_SHOWN
from dean_airflow.plugin.api.models import ChampionRow, Lineage, Migration, Node
from dean_airflow.store.candidates import Taken, Winner
from dean_airflow.store.champions import Champion

WINNERS_AT_MOST = 5000
MIGRATIONS_AT_MOST = 200


def lineage_of(
    document: Mapping[str, Any] | None, winners: Sequence[Winner], taken: Sequence[Taken], champions: Sequence[Champion]
) -> Lineage:
    """`document` is the trial's `champion` document, `winners` and `taken` are at most the two limits above."""
    whole = _whole(document or {}, winners)
    nodes = () if whole is None else lineage(whole.genome, [_judged(winner) for winner in winners])
    states = {(one.island, one.sequence): one.state for one in champions}
    return Lineage(
        of=None if whole is None else f"{whole.island}.{whole.sequence}",
        nodes=[_node(node, states.get((node.island, node.sequence))) for node in nodes],
        migrations=[
            Migration(
                island=one.island,
                generation=one.generation,
                from_island=one.from_island,
                from_generation=one.from_generation,
                fitness=one.fitness,
                edit_count=len(one.genome),
            )
            for one in taken[:MIGRATIONS_AT_MOST]
        ],
        champions=[
            ChampionRow(
                island=one.island,
                sequence=one.sequence,
                generation=one.generation,
                fitness=one.fitness,
                state=one.state,
                edit_count=len(one.genome),
            )
            for one in champions
        ],
        cut=len(winners) >= WINNERS_AT_MOST or len(taken) > MIGRATIONS_AT_MOST or len(nodes) >= MOST_NODES,
    )


def _whole(document: Mapping[str, Any], winners: Sequence[Winner]) -> Winner | None:
    place = (document.get("island"), document.get("sequence"))
    named = next((one for one in winners if (one.island, one.sequence) == place), None)
    return named or max(winners, key=lambda one: (one.fitness, -one.generation, -one.sequence), default=None)


def _judged(winner: Winner) -> Judged:
    evaluation = Evaluation("", winner.genome, "win", "cost", fitness=winner.fitness)
    return Judged(winner.island, winner.generation, winner.sequence, evaluation)


def _node(node: LineageNode, state: str | None) -> Node:
    return Node(
        key=node.key,
        parents=list(node.parents),
        edits=list(node.edits[:EDITS_SHOWN]),
        edit_count=len(node.edits),
        island=node.island,
        generation=node.generation,
        sequence=node.sequence,
        fitness=node.fitness,
        champion=state,
    )
