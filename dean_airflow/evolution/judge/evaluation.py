"""What judging one candidate gave. Plain data: one row of the store, one line of the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["win", "neutral", "worse", "invalid"]
"""win: the paired test says cheaper; neutral: no difference shown; worse: dropped early; invalid: see `reason`."""

Stage = Literal["apply", "parse", "output", "cost", "behaviour", "tests", "suite"]
"""How far the candidate came: the stage that decided it."""


@dataclass(frozen=True)
class Evaluation:
    """`fitness` = max(0, 1 − cost), `cost` = weighted geometric mean of the objectives' ratios to the baseline.

    An invalid candidate has cost None and fitness 0. `ratios` holds the median of each measured objective's ratio;
    `pairs` how many interleaved pairs of runtimes were taken; `seconds` what judging took, in the island's own time.
    """

    key: str
    """Digest of the resulting content: equal for genomes that give the same files."""
    genome: tuple[str, ...]
    """Text forms of the edits."""
    verdict: Verdict
    stage: Stage
    reason: str = ""
    fitness: float = 0.0
    cost: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)
    pairs: int = 0
    seconds: float = 0.0
    log_ratios: tuple[float, ...] = ()
    """The paired measurements themselves: ln(candidate runtime / baseline runtime)."""
    details: dict[str, Any] = field(default_factory=dict)
