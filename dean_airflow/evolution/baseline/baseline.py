"""What the unchanged target is like: which tests pass, how noisy its benchmark is, where its time goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from dean_airflow.evolution.edits.source import Site


@dataclass(frozen=True)
class Baseline:
    """Plain data, kept in the trial's artefacts as JSON."""

    tests: tuple[str, ...]
    """Ids of the tests that pass, in the order they run."""
    skipped: tuple[str, ...]
    """Ids of skipped or deselected tests: not checked, and said so in the report."""
    sites: tuple[Site, ...]
    """Hot functions, hottest first, weights summing to at most 1."""
    seconds: float
    """Median wall time of one run of the benchmark."""
    repeats: int
    """Runs of the benchmark that make one measurement long enough for the clock."""
    noise: float
    """Coefficient of variation of a measurement (0.05 = 5 %)."""
    takes_seed: bool
    mode: str
    """`warm` (fork and swap), or `fresh` (a new process per candidate) with `mode_reason`."""
    mode_reason: str = ""
    coverage: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    """path → line → ids of the tests that run it."""
    suite_seconds: float = 0.0
