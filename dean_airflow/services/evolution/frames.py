"""From a trial's events to the frames that a socket sends: each once, in order, with one terminal frame at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from dean_airflow.services.contract.websocket import FoundPattern, PatternData, ProgressData, TrialFrame
from dean_airflow.services.evolution.answers import type_of
from dean_airflow.store.discoveries import Discovery
from dean_airflow.store.events import Event

TERMINAL = {"trial_completed": "completed", "trial_failed": "failed", "trial_cancelled": "cancelled"}
_WORDS = {"completed": "Trial completed", "failed": "Trial failed", "cancelled": "Trial cancelled"}


class TrialFrames:
    """The frames of one trial, made of its events as they come.

    Several islands report their own generations: a frame is made of each that goes beyond all before it, so that the
    numbers strictly increase. Patterns are known when a trial ends: their frames come right before its terminal one.
    """

    def __init__(self, trial_id: str) -> None:
        self.trial_id = trial_id
        self.ended = False
        self._started = False
        self._generation = 0
        self._fitness = 0.0

    def of(self, event: Event, patterns: Sequence[Discovery] = ()) -> list[TrialFrame]:
        """The frames an event leads to; `patterns` are needed for a terminal one."""
        if self.ended:
            return []
        if event.kind == "trial_started":
            return self._start(event.created_at)
        if event.kind == "generation":
            return [*self._start(event.created_at), *self._progress(event)]
        if event.kind in TERMINAL:
            return self.end(TERMINAL[event.kind], event.created_at, patterns)
        return []

    def end(self, status: str, moment: datetime, patterns: Iterable[Discovery] = ()) -> list[TrialFrame]:
        """The last frames; there are none after them."""
        if self.ended:
            return []
        self.ended = True
        found = [self._pattern(one, moment) for one in patterns]
        last = self._frame(_WORDS[status], moment, {}, status)
        return [*self._start(moment), *found, last]

    def _start(self, moment: datetime) -> list[TrialFrame]:
        if self._started:
            return []
        self._started = True
        return [self._frame("Trial started", moment, {}, "started")]

    def _progress(self, event: Event) -> list[TrialFrame]:
        number = int(event.data["number"])
        fitness = max(self._fitness, min(1.0, max(0.0, float(event.data["best_fitness"]))))
        if number <= self._generation:
            return []
        data = ProgressData(generation=number, fitness=fitness, improvement=fitness - self._fitness)
        self._generation, self._fitness = number, fitness
        return [self._frame(f"Generation {number} finished", event.created_at, data.model_dump(), "progress")]

    def _pattern(self, found: Discovery, moment: datetime) -> TrialFrame:
        pattern = found.pattern
        known = FoundPattern(id=pattern.id, type=type_of(pattern.effectiveness), confidence=pattern.confidence)
        return self._frame("Pattern found", moment, PatternData(pattern=known).model_dump(), "pattern")

    def _frame(self, message: str, moment: datetime, data: dict[str, Any], event: Any) -> TrialFrame:
        return TrialFrame(trial_id=self.trial_id, message=message, timestamp=moment, data=data, event=event)
