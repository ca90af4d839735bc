"""How time passed between two evaluations: only what was watched counts, so that no clock makes an alert.

Rules hold "for five minutes" of watching. A pause (Airflow was down, the DAG paused) or a clock that was set forward or
back is no watching: what is pending waits, what fires goes on firing, until samples of the new time say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dean_airflow.metrics.alerts.expression import LOOKBACK
from dean_airflow.metrics.alerts.rules import Rule
from dean_airflow.store.alerts import AlertClock

GAP = timedelta(milliseconds=LOOKBACK)
"""Evaluations further apart are no watch over what was in between: a sample that old counts as absent, too."""
AHEAD = timedelta(minutes=5)
"""Samples further ahead of the clock than this are removed from the history, as it is rolled up."""
ALWAYS = timedelta(days=400)
"""Longer than any window, for a first evaluation, which has nothing to be unsure about."""


@dataclass(frozen=True)
class Watch:
    """One evaluation's place in time. `watched_ms`: what counts as watched since the evaluation before."""

    now: datetime
    watched_ms: int
    clock: AlertClock

    def is_blind(self, rule: Rule) -> bool:
        """After the clock was set back, a window that reaches into times that were lived through twice says nothing:
        its samples are of both. A rule without a window goes by the newest sample, which is of the second time.
        """
        mixed, window = self.clock.mixed_until, timedelta(milliseconds=rule.condition.window)
        return bool(window) and mixed is not None and self.now - window <= mixed

    def sees_absence(self, rule: Rule) -> bool:
        """Has time gone on for long enough that a series without a value is gone, not merely not collected yet?"""
        needed = timedelta(milliseconds=max(rule.condition.window, LOOKBACK))
        return self.now - self.clock.steady_from >= needed


def watch(before: AlertClock | None, now: datetime) -> Watch:
    """The place of an evaluation at `now` after those `before`."""
    if before is None:
        return Watch(now, 0, AlertClock(now, now - ALWAYS, None))
    gap = now - before.evaluated_at
    if timedelta() <= gap <= GAP:
        return Watch(now, gap // timedelta(milliseconds=1), replace(before, evaluated_at=now))
    mixed = before.mixed_until
    if gap < timedelta():
        mixed = min(max(before.evaluated_at, mixed or before.evaluated_at), now + AHEAD)
    return Watch(now, 0, AlertClock(now, now, mixed))
