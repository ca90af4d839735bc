"""The screening test: paired log ratios one batch at a time, stopping as soon as a candidate is clearly worse.

`x = ln(candidate cost / baseline cost)` of one interleaved pair. After 3, 6, 10, 16 and 28 pairs a candidate whose
median exceeds a falling bound is dropped; after 20, 30, 40 and 60 pairs it wins if a one-sided sign test gives
p < 0.001 and the median gain is above 2 %. The bounds were chosen by replaying recorded pairs of equals that
spread by 4 %: an equal candidate costs 11 pairs, and of candidates that are 3, 5 and 10 % faster 73, 98 and 99.7 % win
(docs/explanation/statistics.md). The first is wide, because a candidate that is dropped in a noisy moment is not looked
at again. A sign test is used because the tails are heavy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Literal

Decision = Literal["more", "worse", "neutral", "win"]

DROP_ABOVE = {3: 0.025, 6: 0.0, 10: -0.008, 16: -0.014, 28: -0.018}
"""Pairs → the median log ratio above which a candidate is given up."""
WIN_AT = (20, 30, 40, 60)
"""Pairs at which a win may be declared; after the last, there is none."""
ALPHA = 0.001
FLOOR = 0.02
"""Gains below this share of the baseline's cost are not claimed, whatever their significance."""
WORSE_ABOVE = 0.02
"""A dropped candidate is called worse from this median log ratio on, else neutral."""

CHECKPOINTS = tuple(sorted({*DROP_ABOVE, *WIN_AT}))
"""Numbers of pairs after which `decide` may say anything but `more`."""


QUIET = 0.04
"""Noise (CV of one measurement) up to which the bounds above hold as they are."""
MOST_NOISE = 0.1


def decide(log_ratios: Sequence[float], floor: float = FLOOR, noise: float = 0.0) -> Decision:
    """What the pairs taken so far say, to be asked at CHECKPOINTS. `log_ratios` must be finite.

    `noise` is the CV of the baseline's measurements: on a noisier machine than QUIET the dropping bounds are widened by
    half of what the median's standard error, 1.25 · √2 · noise / √pairs, grows until MOST_NOISE; more would keep equal
    candidates to the last pair. When to win stays as it is.
    """
    pairs = len(log_ratios)
    middle = median(log_ratios)
    extra = 0.625 * math.sqrt(2 / pairs) * max(0.0, min(noise, MOST_NOISE) - QUIET)
    if pairs in DROP_ABOVE and middle > DROP_ABOVE[pairs] + extra:
        return "worse" if middle > WORSE_ABOVE else "neutral"
    if pairs in WIN_AT and middle < math.log(1 - floor) and sign_test(log_ratios) < ALPHA:
        return "win"
    return "neutral" if pairs >= WIN_AT[-1] else "more"


def sign_test(log_ratios: Sequence[float]) -> float:
    """One-sided p-value that negative values are no more likely than positive ones: P(X ≥ k), X ~ Binomial(n, ½).

    Zeros are left out, as usual for the sign test; without any other value the p-value is 1.
    """
    below = sum(1 for x in log_ratios if x < 0)
    total = below + sum(1 for x in log_ratios if x > 0)
    favourable = sum(math.comb(total, k) for k in range(below, total + 1))
    return float(favourable / 2**total)
