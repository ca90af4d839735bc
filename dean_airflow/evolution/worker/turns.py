"""Which member of a pair runs first."""

from __future__ import annotations

import random


class Turns:
    """Each goes first in one of every two pairs, and chance says in which.

    Strict alternation has a period of four runs, and what disturbs a machine has periods, too: one of 4 ms beside runs
    of 1 ms hit the same member again and again, which then looked 20 % slower.
    """

    def __init__(self) -> None:
        self._chance = random.SystemRandom()
        self._owed: bool | None = None

    def candidate_first(self) -> bool:
        if self._owed is None:
            first = bool(self._chance.getrandbits(1))
            self._owed = not first
            return first
        first, self._owed = self._owed, None
        return first
