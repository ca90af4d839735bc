"""What the report is made of: counts, lineage, scales and charts."""

from __future__ import annotations

import re

import pytest

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.evolution.report import charts
from dean_airflow.evolution.report.data import EditReport, GenerationReport, KindTally, Measurement, Reason, Tally
from dean_airflow.evolution.report.lineage import MOST_NODES, Judged, lineage
from dean_airflow.evolution.report.svg import Scale, padded
from dean_airflow.evolution.report.tallies import MOST_REASONS, count, kinds, reasons, tallies
from dean_airflow.evolution.report.verdict import seconds_text
from tests.unit.evolution.report.sample import EDITS, judged, measurement


def test_evaluations_are_counted() -> None:
    counted = count(one.evaluation for one in judged())
    assert tallies(counted) == (Tally("win", "cost", 5), Tally("neutral", "cost", 1), Tally("invalid", "output", 1))
    assert reasons(counted) == (Reason("another output", 1),)
    assert kinds(counted)[-1] == KindTally("generic.delete", 2, 0, 1 / 1.01)
    assert [kind.kind for kind in kinds(counted)[:3]] == [
        "catalogue.any_all_to_loop",
        "catalogue.hoist_regex",
        "ruff.PERF401",
    ]


def test_behavioural_edits_count_under_their_kind() -> None:
    one = Evaluation("k", ("~generic.delete a.py::f#0",), "win", "cost", cost=0.5)
    assert kinds(count([one])) == (KindTally("generic.delete", 1, 1, 2.0),)


def test_rare_reasons_are_summed_up() -> None:
    many = [Evaluation(str(i), ("a", "b"), "invalid", "tests", f"reason {i}") for i in range(MOST_REASONS + 5)]
    found = reasons(count(many))
    assert len(found) == MOST_REASONS + 1
    assert found[-1] == Reason("other reasons", 5)


def test_lineage_goes_from_single_edits_to_the_champion() -> None:
    nodes = {frozenset(node.edits): node for node in lineage(EDITS, judged())}
    champion = nodes[frozenset(EDITS)]
    assert len(nodes) == 5
    assert set(champion.parents) == {nodes[frozenset(EDITS[:2])].key, nodes[frozenset(EDITS[2:])].key}
    assert set(nodes[frozenset(EDITS[:2])].parents) == {nodes[frozenset([edit])].key for edit in EDITS[:2]}
    assert nodes[frozenset(EDITS[:1])].parents == ()


def test_only_earlier_winners_are_ancestors() -> None:
    late = Judged(0, 9, 99, Evaluation("late", EDITS[:1], "win", "cost", "", 0.1, 0.9))
    loser = Judged(0, 0, 0, Evaluation("loser", EDITS[1:2], "neutral", "cost"))
    champion = Judged(0, 1, 5, Evaluation("champion", EDITS, "win", "cost", "", 0.3, 0.7))
    assert [node.edits for node in lineage(EDITS, [late, loser, champion])] == [tuple(sorted(EDITS))]


def test_a_champion_nobody_judged_has_no_lineage() -> None:
    assert lineage(("catalogue.x a.py::f#0",), judged()) == ()


def test_a_long_lineage_is_cut() -> None:
    edits = [f"catalogue.x a.py::f#{place}" for place in range(MOST_NODES + 10)]
    chain = [
        Judged(0, size, size, Evaluation(str(size), tuple(edits[:size]), "win", "cost", "", 0.1, 0.9))
        for size in range(1, len(edits) + 1)
    ]
    nodes = lineage(edits, chain)
    assert len(nodes) == MOST_NODES
    assert len(nodes[-1].edits) == len(edits)
    shown = {node.key for node in nodes}
    assert all(parent in shown for node in nodes for parent in node.parents)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 7, [0, 2, 4, 6]),
        (0.97, 1.52, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high, 0, 100).ticks() == pytest.approx(ticks)


def test_scales_map_their_ends() -> None:
    scale = Scale(2, 4, 10, 110)
    assert [scale(2), scale(3), scale(4)] == [10, 60, 110]
    assert Scale(1, 1, 0, 10)(1) == 0


def test_margins() -> None:
    assert padded([0, 10]) == (-0.5, 10.5)
    assert padded([]) == (0, 1)
    assert padded([float("nan"), 2.0]) == (1.9, 2.1)
    assert padded([0.0]) == (-0.05, 0.05)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (2.5e-6, "2.5 µs"), (0.0076, "7.6 ms"), (3.21, "3.21 s"), (600, "10 min")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert seconds_text(seconds) == text


def test_costs_are_drawn_over_the_same_bins() -> None:
    drawing = charts.costs(measurement())
    assert drawing.count('class="area baseline"') == drawing.count('class="area champion"') == 1
    assert "champion 5.4" in drawing
    assert "baseline 7.6" in drawing


def test_every_pair_is_a_dot() -> None:
    drawing = charts.pair_speedups(measurement(), (1.38, 1.42))
    assert drawing.count('class="dot"') == 72
    assert drawing.count('class="band"') == 1
    assert "1.4" in drawing


def test_each_island_is_a_line() -> None:
    generations = [GenerationReport(island, number, 0.1, 0.05, 0.5, 9) for island in (0, 3) for number in range(4)]
    drawing = charts.fitness(generations)
    assert re.findall(r'class="series (\w+) (island-\d)"', drawing) == [
        ("best", "island-0"),
        ("mean", "island-0"),
        ("best", "island-3"),
        ("mean", "island-3"),
    ]
    assert "kept above 0.25" in charts.diversity(generations, 0.25)


def test_edits_without_a_measured_effect_are_left_out_of_the_drawing() -> None:
    edits = [EditReport("a", "", "", "preserving", ""), EditReport("b", "", "", "preserving", "", 1.2, (1.1, 1.3))]
    drawing = charts.effects(edits)
    assert drawing.count('class="whisker"') == 1
    assert ">2</text>" in drawing


def test_nothing_to_show_is_nothing() -> None:
    assert charts.costs(Measurement((), (), ())) == ""
    assert charts.pair_speedups(Measurement((), (), ()), None) == ""
    assert charts.fitness([]) == ""
    assert charts.effects([]) == ""
    assert charts.family_tree([]) == ""


def test_one_measurement_alone_can_be_drawn() -> None:
    alone = Measurement((0.001,), (0.001,), ((0.0,),))
    assert "<svg" in charts.costs(alone)
    assert charts.pair_speedups(alone, None).count('class="dot"') == 1
