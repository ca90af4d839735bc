"""Puts a judge together for one workplace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dean_airflow.evolution.baseline.measure import suite_arguments
from dean_airflow.evolution.baseline.record import baseline_from_json
from dean_airflow.evolution.behaviour.team import behaviour_check
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.judge.test_runner import TestRunner

if TYPE_CHECKING:
    from dean_airflow.evolution.workplace import Workplace

OTHER_HASH_SEED = 1


def assemble(place: Workplace, opened: dict[str, Any], core: int | None) -> Judge:
    """The judge of one island, on `core`. It starts its workers when first used; close it."""
    baseline = baseline_from_json(opened["baseline"])
    order = opened["order"]
    tests = TestRunner(place.workshop, suite_arguments(place.settings), baseline.suite_seconds, len(baseline.tests))
    return Judge(
        tree=place.tree,
        baseline=baseline,
        costing=place.costing,
        screening=place.screening_pairs(baseline, order, core, 0),
        fresh=place.fresh_pairs(baseline, order, core, OTHER_HASH_SEED),
        other_hash=place.screening_pairs(baseline, order, core, OTHER_HASH_SEED),
        tests=tests,
        behaviour=behaviour_check(place, baseline, tests),
    )
