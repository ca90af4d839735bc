"""Puts the check of behavioural edits together for one workplace."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.baseline.measure import suite_arguments
from dean_airflow.evolution.behaviour.input_proof import InputProof
from dean_airflow.evolution.behaviour.line_proof import LineProof
from dean_airflow.evolution.behaviour.proof import BehaviourProof
from dean_airflow.evolution.judge.test_runner import TestRunner

if TYPE_CHECKING:
    from dean_airflow.evolution.workplace import Workplace


def behaviour_check(place: Workplace, baseline: Baseline, tests: TestRunner | None = None) -> BehaviourProof | None:
    """The check for a trial that allows behavioural edits; None for one that does not.

    `tests`: the judge's own parked session, used where it holds the benchmark's tests, too. Close the check.
    """
    if place.config.edits != "all":
        return None
    suite, workload = suite_arguments(place.settings), place.settings.workload
    arguments = _with_benchmark(suite, shlex.split(workload.spec)) if workload.kind == "pytest" else suite
    if tests is None or arguments != suite:
        tests = TestRunner(place.workshop, arguments, baseline.suite_seconds, len(baseline.tests))
    return BehaviourProof(
        place.tree,
        place.apply,
        LineProof(place.tree, baseline, tests),
        InputProof(baseline, tests, workload.spec if workload.kind == "callable" else ""),
    )


def _with_benchmark(suite: list[str], benchmark: list[str]) -> list[str]:
    """Arguments for both in one session. A benchmark chosen by options is left out: they would narrow the suite; and so
    is one beside a suite without paths, which pytest collects from everywhere as it is."""
    options = any(word.startswith("-") for word in benchmark)
    anywhere = all(word.startswith("-") for word in suite[:1])
    return suite if options or anywhere else [*suite, *(word for word in benchmark if word not in suite)]
