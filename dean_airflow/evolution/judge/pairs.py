"""Interleaved runs of a baseline and a candidate, whatever way they are brought about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

LEAST_DOUBT = 1e-4
"""Seconds by which two clocks may differ in what they show of a candidate and of the baseline. A candidate that
deceives its clock by less can win its screening; the confirmation trusts the parent's clock alone."""


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
    checks: tuple[float, float] | None = None
    """Seconds that looking at the outputs of baseline and candidate took, where they were looked at."""

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
    return Pair(tuple(row["b"]), tuple(row["c"]), differs=difference(row), checks=check_times(row))


def check_times(row: dict[str, Any]) -> tuple[float, float] | None:
    """How long both outputs took to look at; None if they were not."""
    return (row["b_check"], row["c_check"]) if "c_check" in row else None


def difference(row: dict[str, Any]) -> str:
    """How the outputs of a checked row differ; empty if they do not or were not looked at."""
    if "c_digest" not in row or row["b_digest"] == row["c_digest"]:
        return ""
    if row["b_says"] == row["c_says"]:
        return "the output differs in a part not shown"
    return f"the baseline {row['b_says']}, the candidate {row['c_says']}"


def contradiction(pairs: Sequence[Pair]) -> str:
    """Why the candidate's own clock cannot be believed, if so; also whether it puts its work off.

    What passed by the parent's clock beyond what the child's shows is compared at its lower quartile: switches of
    processes only ever add to it.
    """
    baseline_gap = _lower(pair.baseline[1] - pair.baseline[0] for pair in pairs)
    gap = _lower(pair.candidate[1] - pair.candidate[0] for pair in pairs)
    if gap < -1e-6:
        return f"its clock says {-gap * 1e3:.3f} ms more than passed"
    claimed = median(pair.baseline[0] - pair.candidate[0] for pair in pairs)
    if gap - baseline_gap > max(claimed / 2, LEAST_DOUBT):
        return f"its clock shows {claimed * 1e3:.3f} ms saved, but missed {(gap - baseline_gap) * 1e3:.3f} ms"
    return put_off(pairs)


def put_off(pairs: Sequence[Pair]) -> str:
    """Whether the candidate only leaves to those who look at its output what the baseline has done by then."""
    looked_at = [pair.checks for pair in pairs if pair.checks is not None]
    if not looked_at:
        return ""
    usual = _lower(before for before, _ in looked_at)
    late = _lower(after for _, after in looked_at) - usual
    saved = _lower(pair.baseline[1] for pair in pairs) - _lower(pair.candidate[1] for pair in pairs)
    if late > max(saved / 2, usual / 4, LEAST_DOUBT):
        return f"it saves {saved * 1e3:.3f} ms, and its output takes {late * 1e3:.3f} ms more to look at"
    return ""


def _lower(values: Iterable[float]) -> float:
    """The lower quartile."""
    ordered = sorted(values)
    return ordered[len(ordered) // 4]
