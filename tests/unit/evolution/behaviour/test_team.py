"""Which check a trial gets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.behaviour.proof import BehaviourProof
from dean_airflow.evolution.behaviour.team import behaviour_check
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.worker import Workshop
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.target.target import Checkout, Environment, Target, TargetSettings, Workload
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.evolution.workplace import Workplace

BASELINE = Baseline(("tests/test_m.py::test_m",), (), (), 0.001, 1, 0.0, True, "warm")


def place(folder: Path, edits: Literal["preserving", "all"], workload: Workload) -> Workplace:
    (folder / "m.py").write_text("def f():\n    return 1\n")
    config = TrialConfig.build({"repository": str(folder), "edits": edits})
    settings = TargetSettings((), ("tests",), (), workload, ("m.py",), ("",))
    environment = Environment(Path(sys.executable), (Path(sys.prefix),))
    workshop = Workshop(choose_sandbox("off"), environment, folder, ("",), folder)
    return Workplace(config, Target(str(folder), "folder", ""), settings, Checkout(folder, folder), workshop)


def check(folder: Path, workload: Workload) -> tuple[BehaviourProof, TestRunner]:
    there = place(folder, "all", workload)
    tests = TestRunner(there.workshop, ["tests"], 1.0, 1)
    found = behaviour_check(there, BASELINE, tests)
    assert found is not None
    return found, tests


def test_a_trial_of_preserving_edits_has_none(tmp_path: Path) -> None:
    assert behaviour_check(place(tmp_path, "preserving", Workload("suite", "")), BASELINE) is None


@pytest.mark.parametrize(
    ("workload", "named"),
    [(Workload("callable", "bench:run"), "bench:run"), (Workload("suite", ""), ""), (Workload("command", "x"), "")],
)
def test_the_judges_own_session_is_used(tmp_path: Path, workload: Workload, named: str) -> None:
    found, tests = check(tmp_path, workload)
    assert found._inputs.tests is found._lines.tests is tests
    assert found._inputs.benchmark == named


@pytest.mark.parametrize(
    ("spec", "arguments"),
    [
        ("benchmarks/test_speed.py tests", ["tests", "benchmarks/test_speed.py"]),
        ("-k speed benchmarks", ["tests"]),
        ("tests", ["tests"]),
    ],
)
def test_benchmark_tests_join_the_suites_session(tmp_path: Path, spec: str, arguments: list[str]) -> None:
    found, _ = check(tmp_path, Workload("pytest", spec))
    assert found._inputs.tests.arguments == arguments
