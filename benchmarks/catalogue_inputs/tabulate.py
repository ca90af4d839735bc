"""tabulate on tables of mixed types."""

from __future__ import annotations

import random

from tabulate import tabulate  # type: ignore[import-untyped,unused-ignore]

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma".split()  # noqa: SIM905


def mixed(seed: int) -> str:
    """25 rows of words, numbers, numbers as text and missing values, as a plain table."""
    rng = random.Random(seed)
    rows = [
        [rng.choice(WORDS), rng.randrange(10**6), rng.random(), f"{rng.random():.3f}", None, rng.choice(WORDS)]
        for _ in range(25)
    ]
    return str(tabulate(rows, tablefmt="plain"))


def whole_numbers(seed: int) -> str:
    """80 rows of whole numbers, as a plain table."""
    rng = random.Random(seed)
    return str(tabulate([[rng.randrange(100) for _ in range(6)] for _ in range(80)], tablefmt="plain"))


def missing(seed: int) -> str:
    """100 rows of mostly missing values."""
    rng = random.Random(seed)
    rows = [[rng.choice(WORDS), None, None, None, None, rng.random()] for _ in range(100)]
    return str(tabulate(rows, tablefmt="plain", missingval="-"))
