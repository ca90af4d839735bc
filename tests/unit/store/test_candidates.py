"""Candidates as a page lists them, and what generations came to; on every database."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.candidates import CandidateFilter, CandidateOrder
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.store import Store

TRIAL = "trial-00000001"
VERDICTS = ("win", "neutral", "worse", "invalid")


@pytest.fixture
def judged(store: Store) -> list[tuple[int, NumberedEvaluation]]:
    """Two islands of sixty candidates each, by chance."""
    rng = random.Random(7)
    store.trials.create(TRIAL, {"repository": "x"})
    made = []
    for island in (0, 1):
        lease = store.leases.acquire(TRIAL, island, "a test", timedelta(minutes=1))
        batch = [NumberedEvaluation(number, number // 20, _evaluation(rng, number)) for number in range(60)]
        store.evaluations.add(lease, batch)
        made += [(island, one) for one in batch]
    return made


def _evaluation(rng: random.Random, number: int) -> Evaluation:
    verdict = rng.choice(VERDICTS)
    cost = None if verdict == "invalid" else round(rng.uniform(0.7, 1.2), 3)
    genome = tuple(rng.sample(['a "quoted" edit', "b, with, commas", "c \\ ä"], rng.randint(1, 3)))
    return Evaluation(
        f"key-{number}", genome, verdict, "tests" if cost is None else "cost", f"because {number % 3}",  # type: ignore[arg-type]
        fitness=max(0.0, 1 - cost) if verdict == "win" and cost else 0.0, cost=cost,
    )  # fmt: skip


@pytest.mark.parametrize("order", ["sequence", "generation", "fitness", "cost", "verdict"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_are_those_of_a_plain_sort(
    store: Store, judged: list[tuple[int, NumberedEvaluation]], order: CandidateOrder, descending: bool
) -> None:
    def key(found: tuple[int, NumberedEvaluation]) -> object:
        _, one = found
        return one.sequence if order == "sequence" else getattr(one if order == "generation" else one.evaluation, order)

    expected = sorted([one for one in judged if key(one) is not None], key=key, reverse=descending)
    expected_keys = [key(one) for one in expected] + [None] * (len(judged) - len(expected))
    found = []
    for offset in range(0, 120, 25):
        page, total = store.candidates.page(
            TRIAL, CandidateFilter(), order=order, descending=descending, limit=25, offset=offset
        )
        assert total == 120
        found += page

    assert [key(one) for one in found] == expected_keys
    assert sorted(found, key=lambda one: (one[0], one[1].sequence)) == judged


def test_filters_combine(store: Store, judged: list[tuple[int, NumberedEvaluation]]) -> None:
    wanted = CandidateFilter(island=1, generation=2, verdict="worse")
    expected = [
        one for island, one in judged if island == 1 and one.generation == 2 and one.evaluation.verdict == "worse"
    ]
    page, total = store.candidates.page(TRIAL, wanted, order="sequence", descending=False, limit=100, offset=0)
    assert ([one for _, one in page], total) == (expected, len(expected))


def test_tallies_are_those_of_a_plain_count(store: Store, judged: list[tuple[int, NumberedEvaluation]]) -> None:
    for tally in store.candidates.tallies(TRIAL):
        here = [
            one.evaluation for island, one in judged if (island, one.generation) == (tally.island, tally.generation)
        ]
        assert tally.verdicts == {v: n for v in VERDICTS if (n := sum(one.verdict == v for one in here))}
        costs = [one.cost for one in here if one.verdict == "win" and one.cost is not None]
        assert tally.best_cost == min(costs, default=None)
    everything = [one.evaluation for _, one in judged]
    assert sum(number for *_, number in store.candidates.stages(TRIAL)) == len(everything)
    assert dict(store.candidates.reasons(TRIAL)) == {
        reason: n
        for number in range(3)
        if (n := sum(one.verdict == "invalid" and one.reason == (reason := f"because {number}") for one in everything))
    }
    singles = {one.edit: (one.tried, one.won) for one in store.candidates.singles(TRIAL)}
    alone = [one for one in everything if len(one.genome) == 1]
    assert singles == {
        edit: (
            sum(one.genome == (edit,) for one in alone),
            sum(one.genome == (edit,) and one.verdict == "win" for one in alone),
        )
        for edit in {one.genome[0] for one in alone}
    }
    winners = store.candidates.winners(TRIAL, 1000)
    assert len(winners) == sum(one.verdict == "win" for one in everything)
    assert {winner.genome for winner in winners} <= {one.genome for one in everything}
    assert len(store.candidates.winners(TRIAL, 3)) == 3
