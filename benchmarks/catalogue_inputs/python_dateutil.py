"""dateutil on time spans and sets of dates."""

from __future__ import annotations

import random
from datetime import datetime

from dateutil import rrule
from dateutil.relativedelta import relativedelta


def single_dates(seed: int) -> datetime:
    """The first of a set of single dates."""
    day = datetime(2000 + seed % 50, 1, 1)
    dates = rrule.rruleset()
    for _ in range(5000):
        dates.rdate(day)
    return dates[0]


def spans(seed: int) -> list[int]:
    """Time spans whose parts overflow."""
    rng = random.Random(seed)
    lengths = [rng.randrange(100, 10_000) for _ in range(800)]
    return [
        relativedelta(months=40, hours=50, minutes=length, seconds=length, microseconds=10**7).minutes
        for length in lengths
    ]
