"""What trials come to while they run: written by their engine, a few samples at a time, at most every some seconds.

Metrics must never cost a trial its life: what cannot be written is said once and left.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from dean_airflow.errors import StoreError
from dean_airflow.metrics.history import History
from dean_airflow.metrics.names import METRICS, help_of
from dean_airflow.metrics.sample import STALE, Sample, labels_of, to_ms
from dean_airflow.store.store import Store

SERVICE = "trial"
EVERY = 15.0
"""Seconds between two writes within a generation: a generation of a slow target takes minutes."""
SERIES_AT_MOST = 20_000
"""Of all trials of two days together: a trial of four islands has some eighty."""

_LASTING = ("dean_trial_best_fitness", "dean_trial_best_cost_ratio", "dean_trial_generation")
"""Gauges that stay true of an island when it has ended; the others end with it."""


@dataclass
class IslandFigures:
    """What an island has come to so far; counts include what an earlier attempt of it did."""

    verdicts: Counter[str] = field(default_factory=Counter)
    cache_hits: int = 0
    seconds: float = 0.0
    """Spent judging."""
    injected: int = 0
    best_fitness: float = 0.0
    best_cost: float | None = None


class IslandMetrics:
    """Writes for one island. `say` hears of what could not be written."""

    def __init__(self, store: Store, trial_id: str, island: int, say: Callable[[str], object]) -> None:
        self._history = History(store, SERIES_AT_MOST)
        self._now = store.now
        self._of = {"trial_id": trial_id, "island": str(island)}
        self._say = say
        self._written = time.monotonic()
        self._gauges: dict[str, float] = {}
        self._broken = False

    def candidate(self, figures: Callable[[], IslandFigures]) -> None:
        """After each candidate that was judged; asks for the figures and writes if the last time is a while ago."""
        if time.monotonic() - self._written >= EVERY:
            self._write(self._counters(figures()) | self._gauges)

    def generation(self, number: int, mean_fitness: float, diversity: float, figures: IslandFigures) -> None:
        """At the end of each generation."""
        self._gauges = {
            "dean_trial_generation": number,
            "dean_trial_mean_fitness": mean_fitness,
            "dean_trial_diversity": diversity,
        }
        self._write(self._counters(figures) | self._gauges)

    def ended(self) -> None:
        """The island has ended: what was true only while it ran is so no more."""
        names = [name for name in (*self._gauges, "dean_trial_candidates_per_second") if name not in _LASTING]
        self._write(dict.fromkeys(names, STALE), later=1)

    def _counters(self, figures: IslandFigures) -> dict[str, float]:
        judged = sum(figures.verdicts.values())
        values = {
            "dean_trial_best_fitness": figures.best_fitness,
            "dean_trial_cache_hits_total": float(figures.cache_hits),
            "dean_trial_judging_seconds_total": figures.seconds,
            "dean_trial_injected_total": float(figures.injected),
        }
        if figures.seconds > 0:
            values["dean_trial_candidates_per_second"] = judged / figures.seconds
        if figures.best_cost is not None:
            values["dean_trial_best_cost_ratio"] = figures.best_cost
        for verdict, count in figures.verdicts.items():
            values[f"dean_trial_candidates_total/{verdict}"] = float(count)
        return values

    def _write(self, values: dict[str, float], later: int = 0) -> None:
        self._written = time.monotonic()
        at = to_ms(self._now()) + later
        samples = []
        for name, value in values.items():
            name, _, verdict = name.partition("/")
            labels = labels_of({**self._of, "verdict": verdict})
            samples.append(Sample(SERVICE, name, value, at, labels, METRICS[name].type))
        self._broken = not keep(self._history, samples, None if self._broken else self._say)


def trial_ended(store: Store, trial_id: str, *, confirmed: bool, seconds: float, say: Callable[[str], object]) -> None:
    """What a trial came to in the end. `seconds`: how long it took."""
    at, labels = to_ms(store.now()), labels_of({"trial_id": trial_id})
    values = {"dean_trial_confirmed": float(confirmed), "dean_trial_duration_seconds": seconds}
    keep(
        History(store, SERIES_AT_MOST),
        [Sample(SERVICE, name, value, at, labels) for name, value in values.items()],
        say,
    )


def keep(history: History, samples: list[Sample], say: Callable[[str], object] | None) -> bool:
    """Whether the samples were kept; if not, `say` hears why."""
    try:
        history.append(samples, help_of=help_of)
    except StoreError as error:
        if say is not None:
            say(f"Metrics of the trial could not be kept: {error}")
        return False
    return True
