"""What a report says; plain data, so that `report.json` is all of it and the page can be made again from that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1
"""Of `report.json`; raised when a field changes its meaning."""


@dataclass(frozen=True)
class EditReport:
    """One edit of the champion."""

    text: str
    """Its text form."""
    title: str
    why: str
    label: str
    diff: str
    """Unified diff of what it changed, given the edits before it."""
    effect: float | None = None
    """Cost without it / cost with it, above 1 is faster; None: not measured apart from the others."""
    effect_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class GenerationReport:
    """One island's generation; number 0 is what the sweep found."""

    island: int
    number: int
    best_fitness: float
    mean_fitness: float
    diversity: float
    evaluations: int
    injected: int = 0
    diversity_before: float | None = None
    """Before individuals were injected, None where that is not known."""


@dataclass(frozen=True)
class Measurement:
    """The last, independent measurement of exactly what was published."""

    baseline_seconds: tuple[float, ...]
    """Seconds of one measurement, in the order taken; the same length as the next."""
    candidate_seconds: tuple[float, ...]
    log_ratios: tuple[tuple[float, ...], ...]
    """ln(champion / baseline) of each pair, by process pair."""


@dataclass(frozen=True)
class ConfirmationReport:
    """A champion that faced fresh measurements."""

    edits: int
    accepted: bool
    p_value: float
    speedup: float | None = None
    speedup_interval: tuple[float, float] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Tally:
    """How many evaluations ended with a verdict at a stage."""

    verdict: str
    stage: str
    count: int


@dataclass(frozen=True)
class Reason:
    """Why candidates were invalid, and how many."""

    text: str
    count: int


@dataclass(frozen=True)
class KindTally:
    """What became of the candidates that were one edit of a kind alone."""

    kind: str
    tried: int
    won: int
    best: float | None
    """Largest measured cost ratio baseline / candidate; None: never measured."""


@dataclass(frozen=True)
class LineageNode:
    """A winning candidate on the way to the champion."""

    key: str
    parents: tuple[str, ...]
    edits: tuple[str, ...]
    island: int
    generation: int
    sequence: int
    fitness: float


@dataclass(frozen=True)
class ReportData:
    """Everything a report says. Documents of the trial go in as they are kept; a missing one is an empty mapping."""

    result: Mapping[str, Any]
    """The trial's final result: `trial_id, status, outcome, stop_reason, speedup, speedup_interval, fitness,
    evaluations, candidates_per_second, branch, patch, report, champion_edits`, and what else it has."""
    target: Mapping[str, Any] = field(default_factory=dict)
    """`asdict(Target)`."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The trial's params as they took effect."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`asdict(TargetSettings)`."""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """Of `Baseline`: `tests, skipped, sites, seconds, repeats, noise, mode, mode_reason`."""
    sandbox: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Name → value: Python, platform, processor, version of DEAN, ..."""
    started: str = ""
    """ISO 8601, as is `finished`."""
    finished: str = ""
    generations: tuple[GenerationReport, ...] = ()
    measurement: Measurement | None = None
    confirmations: tuple[ConfirmationReport, ...] = ()
    edits: tuple[EditReport, ...] = ()
    tallies: tuple[Tally, ...] = ()
    reasons: tuple[Reason, ...] = ()
    kinds: tuple[KindTally, ...] = ()
    lineage: tuple[LineageNode, ...] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    """`asdict(Published)`."""
    errors: tuple[str, ...] = ()
    command: str = ""
    """A shell command that runs the trial again."""


def to_json(data: ReportData) -> dict[str, Any]:
    """`report.json`: the final result's fields on top, everything else under `details`; no NaN, no infinity."""
    details = {name: value for name, value in asdict(data).items() if name != "result"}
    report: dict[str, Any] = _finite({"format": FORMAT, **data.result, "details": details})
    return report


def _finite(value: Any) -> Any:
    """Plain JSON: tuples as lists, and None for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(item) for item in value]
    return value if isinstance(value, str | int | bool | None) else str(value)
