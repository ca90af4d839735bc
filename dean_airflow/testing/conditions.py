"""What a network does to the bytes that cross it, and schedules of that, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Direction = Literal["both", "up", "down"]
"""`up`: from the client to the service; `down`: back."""


@dataclass(frozen=True)
class Conditions:
    """One direction of a network. The default one is perfect.

    `latency`: seconds by which every byte comes later; `jitter`: up to so many seconds more, drawn anew for each
    chunk (order is kept, as in TCP); `bandwidth`: bytes a second, None for no limit; `black_hole`: nothing comes
    through until it is healed; then what was held arrives, as TCP would have sent it again.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    black_hole: bool = False

    def __post_init__(self) -> None:
        if self.latency < 0 or self.jitter < 0:
            raise ValueError(f"latency and jitter are seconds from 0 up, not {self.latency} and {self.jitter}")
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError(f"bandwidth is more than 0 bytes a second, or None; not {self.bandwidth}")

    def delay(self, chance: random.Random) -> float:
        """Seconds that the next chunk takes."""
        return self.latency + (chance.uniform(0, self.jitter) if self.jitter else 0.0)


PERFECT = Conditions()


@dataclass(frozen=True)
class Phase:
    """For so many seconds the network is like this. `reset` drops every connection when the phase begins."""

    seconds: float
    up: Conditions = PERFECT
    down: Conditions = PERFECT
    reset: bool = False


BAD_WEATHER = (
    Phase(0, up=Conditions(latency=0.05, jitter=0.05), down=Conditions(latency=0.05, jitter=0.05)),
    Phase(0, down=Conditions(bandwidth=4096)),
    Phase(0, up=Conditions(black_hole=True), down=Conditions(black_hole=True)),
    Phase(0, down=Conditions(black_hole=True)),
    Phase(0, reset=True),
)
"""What `weather` draws from unless told otherwise: slow, narrow, cut off both ways, cut off one way, reset."""


def weather(
    seed: int, phases: int, *, kinds: Sequence[Phase] = BAD_WEATHER, fair: float = 0.5, foul: float = 0.25
) -> tuple[Phase, ...]:
    """`phases` bad phases drawn from `kinds`, each after a fair one; the last phase is fair.

    `fair` and `foul` are the mean seconds of a phase; the true ones lie between half and one and a half of it. The
    same arguments give the same schedule.
    """
    chance = random.Random(seed)
    drawn: list[Phase] = []
    for _ in range(phases):
        drawn.append(Phase(fair * chance.uniform(0.5, 1.5)))
        drawn.append(replace(chance.choice(list(kinds)), seconds=foul * chance.uniform(0.5, 1.5)))
    return (*drawn, Phase(0.0))
