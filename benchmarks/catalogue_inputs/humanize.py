"""humanize on numbers."""

from __future__ import annotations

import random

import humanize  # type: ignore[import-not-found,import-untyped,unused-ignore]


def digits_as_words(seed: int) -> list[str]:
    """Numbers below twenty as words."""
    rng = random.Random(seed)
    return [humanize.apnumber(number) for number in rng.choices(range(20), k=5000)]
