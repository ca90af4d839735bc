"""A small real target and everything to judge it with: real sandbox, real workers, this interpreter."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dean_airflow
from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.baseline.measure import measure_baseline
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.fresh_pairs import FreshPairs
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.warm_pairs import WarmPairs
from dean_airflow.evolution.judge.worker import Workshop
from dean_airflow.evolution.sandbox.jail import Limits
from dean_airflow.evolution.sandbox.sandbox import Sandbox, choose_sandbox
from dean_airflow.evolution.target.target import Environment, TargetSettings, Workload

OWN_ENVIRONMENT = Environment(
    Path(sys.executable), (Path(sys.prefix), Path(sys.base_prefix), Path(dean_airflow.__file__).parent)
)
"""This interpreter's. The package itself lies outside the prefix where it is installed in place, and pytest loads its
plugin whatever is tested."""


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def make_workshop(room: Path, files: Mapping[str, str], sandbox: Sandbox | None = None, **limits: Any) -> Workshop:
    """A workshop on a project that consists of (dedented) `files`, with everything it needs under `room`."""
    room = room.resolve()
    project, scratch = room / "project", room / "scratch"
    scratch.mkdir(parents=True)
    write(project, files)
    most = Limits(**{"memory_mb": 1024, "processes": 64, **limits})
    return Workshop(sandbox or choose_sandbox("auto"), OWN_ENVIRONMENT, project, ("",), scratch, most)


def settings(benchmark: Workload, files: tuple[str, ...], tests: tuple[str, ...] | None = ("tests",)) -> TargetSettings:
    return TargetSettings((), tests, (), benchmark, files, ("",))


def measured(
    workshop: Workshop, benchmark: Workload, files: tuple[str, ...], core: int | None = None, limit: float = 600.0
) -> tuple[Baseline, dict[str, Any]]:
    """The baseline as a trial measures it, and the order that starts a worker."""
    return measure_baseline(workshop, settings(benchmark, files), files, ["runtime"], core, limit, lambda: None)


def make_judge(
    workshop: Workshop,
    baseline: Baseline,
    order: dict[str, Any],
    tree: Mapping[str, str],
    weights: Mapping[str, float] | None = None,
    core: int | None = None,
    limit: float = 1.0,
) -> Judge:
    """The judge as a trial puts it together; one run may take `limit` seconds."""

    def pairs(kind: Any, hash_seed: int) -> Any:
        return kind(workshop, order, core, baseline.repeats, limit, hash_seed)

    screening = WarmPairs if baseline.mode == "warm" else FreshPairs
    return Judge(
        tree,
        baseline,
        Costing(weights or {"runtime": 1.0}, tree),
        pairs(screening, 0),
        pairs(FreshPairs, 1),
        pairs(screening, 1),
        TestRunner(workshop, ["tests"], max(baseline.suite_seconds, 0.01), len(baseline.tests)),
    )
