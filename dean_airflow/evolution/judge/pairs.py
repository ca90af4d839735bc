"""Interleaved runs of a baseline and a candidate, whatever way they are brought about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

MAX_GAP_FACTOR = 3.0
MAX_GAP_EXTRA = 0.002
"""Seconds. The child's own clock and the parent's may differ by what a switch of processes costs, which the baseline
shows; a candidate whose gap is more than this beyond it contradicts the parent's clock."""


class CannotOpen(Exception):
    """The candidate does not even start: its code does not compile, or raises when loaded. The text says how."""


@dataclass(frozen=True)
class Pair:
    """One run of each, on the same inputs; seconds by the child's own clock and by its parent's."""

    baseline: tuple[float, float]
    candidate: tuple[float, float]
    differs: str = ""
    """How the candidate's output differs, if it was looked at and does."""
    failed: str = ""
    """Why the candidate gave no measurement."""

    @property
    def log_ratio(self) -> float:
        """ln(candidate / baseline), by the children's clocks."""
        return math.log(max(self.candidate[0], 1e-9) / max(self.baseline[0], 1e-9))


class Pairs(Protocol):
    """A baseline and one candidate at a time. `open` before `take`; `close` is always safe."""

    clocks_agree: bool
    """Whether the two times of a run mean the same, so that they may be held against each other."""

    def open(self, files: dict[str, str], against: dict[str, str] | None = None) -> None:
        """Prepares the candidate, and what it is compared with: the baseline, or the baseline with other files.

        Raises CannotOpen for what is the candidate's fault, WorkerDied for anything else."""
        ...

    def take(self, seeds: Sequence[int], checks: Sequence[bool]) -> list[Pair]:
        """A pair a seed, in order; outputs are compared where `checks` says so. Stops after a failed one."""
        ...

    def peaks(self, seed: int) -> tuple[float, float]:
        """Peak memory of one run of baseline and candidate, in bytes."""
        ...

    def close(self) -> None: ...


def pair_from_row(row: dict[str, Any]) -> Pair:
    """A pair from the rows a zygote sends. Raises CannotOpen if the baseline itself failed."""
    if "baseline_failed" in row:
        raise CannotOpen(f"the unchanged benchmark fails beside it ({row['baseline_failed']})")
    nothing = (math.nan, math.nan)
    if "failed" in row:
        return Pair(tuple(row.get("b", nothing)), nothing, failed=row["failed"])
    return Pair(tuple(row["b"]), tuple(row["c"]), differs=difference(row))


def difference(row: dict[str, Any]) -> str:
    """How the outputs of a checked row differ; empty if they do not or were not looked at."""
    if "c_digest" not in row or row["b_digest"] == row["c_digest"]:
        return ""
    if row["b_says"] == row["c_says"]:
        return "the output differs in a part not shown"
    return f"the baseline {row['b_says']}, the candidate {row['c_says']}"


def contradiction(pairs: Sequence[Pair]) -> str:
    """Why the candidate's own clock cannot be believed, if so."""
    baseline_gap = median(pair.baseline[1] - pair.baseline[0] for pair in pairs)
    gap = median(pair.candidate[1] - pair.candidate[0] for pair in pairs)
    if gap < -1e-6:
        return f"its clock says {-gap * 1e3:.3f} ms more than passed"
    if gap > MAX_GAP_FACTOR * max(baseline_gap, 0.0) + MAX_GAP_EXTRA:
        return f"its clock misses {gap * 1e3:.3f} ms that passed, the baseline's {baseline_gap * 1e3:.3f} ms"
    return ""
