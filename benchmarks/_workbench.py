"""What benchmarks of the judge share: a small target of their own in a temporary directory, and a judge for it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dean_airflow
from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.judge.costing import Costing
from dean_airflow.evolution.judge.fresh_pairs import FreshPairs
from dean_airflow.evolution.judge.judge import Judge
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.warm_pairs import WarmPairs
from dean_airflow.evolution.judge.worker import Workshop
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.target.target import Environment

OWN_PYTHON = Environment(Path(sys.executable), (Path(sys.prefix), Path(dean_airflow.__file__).parent))
"""A target of the benchmark's own needs no environment of its own. Its pytest loads this package's plugin."""


@dataclass(frozen=True)
class Bench:
    """A target with its tree and what runs it."""

    workshop: Workshop
    tree: dict[str, str]
    spec: str
    seconds: float
    repeats: int = 1

    def pairs(self, core: int | None, hash_seed: int = 0) -> WarmPairs:
        order = {"kind": "callable", "spec": self.spec}
        return WarmPairs(self.workshop, order, core, self.repeats, max(1.0, 50 * self.seconds), hash_seed)

    def fresh(self, core: int | None, hash_seed: int = 1, repeats: int = 1) -> FreshPairs:
        order = {"kind": "callable", "spec": self.spec}
        return FreshPairs(self.workshop, order, core, repeats, max(1.0, 50 * self.seconds), hash_seed)

    def judge(self, core: int | None) -> Judge:
        """A judge for it, with every stage but tests, which it has none of."""
        baseline = Baseline((), (), (), self.seconds, self.repeats, 0.0, True, "warm")
        return Judge(
            tree=self.tree,
            baseline=baseline,
            costing=Costing({"runtime": 1.0}, self.tree),
            screening=self.pairs(core),
            fresh=self.fresh(core),
            other_hash=self.pairs(core, 1),
            tests=TestRunner(self.workshop, [], 0.0, 0),
        )


@contextmanager
def bench_of(files: Mapping[str, str], spec: str, seconds: float, sandbox: str = "auto") -> Iterator[Bench]:
    """A target made of `files`, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as room:
        project, scratch = Path(room) / "project", Path(room) / "scratch"
        project.mkdir()
        scratch.mkdir()
        for path, text in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        workshop = Workshop(choose_sandbox(sandbox), OWN_PYTHON, project, ("",), scratch)  # type: ignore[arg-type]
        yield Bench(workshop, dict(files), spec, seconds)


@contextmanager
def workshop_on(project: Path, roots: tuple[str, ...]) -> Iterator[Workshop]:
    """What starts workers on a project that lies somewhere already; their scratch is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as scratch:
        yield Workshop(choose_sandbox("auto"), OWN_PYTHON, project, roots, Path(scratch))
