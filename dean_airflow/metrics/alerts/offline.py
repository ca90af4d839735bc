"""Tries rules on series that are given: what each alert's state would have been at each evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dean_airflow.metrics.alerts.judging import Change, judge, measure
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.watch import watch
from dean_airflow.metrics.sample import from_ms
from dean_airflow.metrics.series import SampleReader
from dean_airflow.store.alerts import AlertClock, AlertRecord


@dataclass(frozen=True)
class Step:
    """One evaluation: its time in milliseconds, every alert that is pending or fires, and what changed."""

    time: int
    alerts: list[AlertRecord]
    changes: list[Change]


def replay(rules: RuleSet, reader: SampleReader, start: int, end: int, every: int) -> Iterator[Step]:
    """Evaluates the rules at `start` and every `every` milliseconds up to `end`, beginning without alerts.

    This is the engine itself but for its store. Raises StoreError where the samples come from one.
    """
    alerts: dict[str, AlertRecord] = {}
    clock: AlertClock | None = None
    for time in range(start, end + 1, every):
        place = watch(clock, from_ms(time))
        judged = judge(rules, measure(rules, reader, time), alerts, place)
        alerts, clock = judged.alerts, place.clock
        active = [alert for alert in alerts.values() if alert.state != "resolved"]
        yield Step(time, active, judged.changes)
