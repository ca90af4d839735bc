"""Which WebSocket frames are news: the same one twice, or one older than what was seen, is not."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from dean_airflow.services.contract.websocket import TrialFrame

_TERMINAL_EVENTS = ("completed", "failed", "cancelled")
_TERMINAL_WORDS = ("complet", "finish", "fail", "cancel", "ended", "stopped")
_REMEMBERED = 1000
"""Ended trials whose late frames are still known to be late."""


@dataclass
class _Seen:
    generation: int = -1
    started: bool = False
    ended: bool = False
    patterns: set[str] = field(default_factory=set)


class FrameOrder:
    """Per trial: one start, generations strictly increasing, each pattern once, one end and nothing after it."""

    def __init__(self) -> None:
        self._trials: OrderedDict[str, _Seen] = OrderedDict()

    def accepts(self, frame: TrialFrame) -> bool:
        """Whether the frame is news; it counts as seen from now on. Raises ValidationError where its data is wrong."""
        seen = self._trials.setdefault(frame.trial_id, _Seen())
        self._trials.move_to_end(frame.trial_id)
        if len(self._trials) > _REMEMBERED:
            self._trials.popitem(last=False)
        if seen.ended:
            return False
        if (progress := frame.progress) is not None:
            news = progress.generation > seen.generation
            seen.generation = max(seen.generation, progress.generation)
            return news
        if (pattern := frame.pattern) is not None:
            news = pattern.id not in seen.patterns
            seen.patterns.add(pattern.id)
            return news
        if ends_trial(frame):
            seen.ended = True
            seen.patterns.clear()
            return True
        news = not seen.started
        seen.started = True
        return news


def ends_trial(frame: TrialFrame) -> bool:
    """Whether it is a trial's last frame, by its event or, where a service sends none, by its words."""
    if frame.event is not None:
        return frame.event in _TERMINAL_EVENTS
    return not frame.data and any(word in frame.message.lower() for word in _TERMINAL_WORDS)
