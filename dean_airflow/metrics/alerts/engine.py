"""Evaluates all rules once and keeps what became of the alerts, together with the notices that are owed for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dean_airflow.metrics.alerts.in_force import rules_in_force
from dean_airflow.metrics.alerts.judging import Change, judge, measure
from dean_airflow.metrics.alerts.notable import plan_notices
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.watch import watch
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import to_ms
from dean_airflow.metrics.series import SampleReader
from dean_airflow.store.alerts import AlertBook
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """`changes`: the alerts that began to fire or were resolved. `to_notify`: how many notices are owed, those of
    earlier evaluations that could not be delivered included. `warnings`: for the log.
    """

    changes: list[Change] = field(default_factory=list)
    to_notify: int = 0
    firing: int = 0
    pending: int = 0
    warnings: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """As JSON-able data, for a task's answer."""
        return {
            "changes": [change.as_data() for change in self.changes],
            "to_notify": self.to_notify,
            "firing": self.firing,
            "pending": self.pending,
            "warnings": self.warnings,
        }


def evaluate_in_force(store: Store, path: str | Path | None, now: datetime) -> Evaluation:
    """`evaluate` with the rules in force: those of the file at `path` (the shipped ones without), or its last good.

    For whoever collects: call it once a minute, after the samples are kept and rolled up. Raises StoreError.
    """
    found = rules_in_force(store, path)
    done = evaluate(store, found.rules, now)
    if not found.problem:
        return done
    log.warning("The rules that were last good stay in force: %s", found.problem)
    return replace(done, warnings=[*found.problem.splitlines(), *done.warnings])


def evaluate(store: Store, rules: RuleSet, now: datetime, *, reader: SampleReader | None = None) -> Evaluation:
    """Judges every rule at `now` by the samples in the store (or of `reader`) and keeps the outcome.

    All of an evaluation is kept or none of it, notices included, so it may be killed and repeated at any moment. One
    that comes after a later one (a task that hung) changes nothing. Raises StoreError, ValueError for a `now` without
    an offset.
    """
    measured = measure(rules, reader or History(store), to_ms(now))

    def work(book: AlertBook) -> Evaluation:
        before = book.clock
        if before is not None and now < before.evaluated_at <= store.now():
            return Evaluation(warnings=["A later evaluation of the alert rules was there first; this one is void."])
        place = watch(before, now)
        judged = judge(rules, measured, book.alerts, place)
        book.alerts, book.clock = judged.alerts, place.clock
        plan_notices(book, rules, now)
        states = [alert.state for alert in book.alerts.values()]
        warnings = list(judged.warnings)
        if before is not None and now < before.evaluated_at:
            warnings.append(
                f"The clock was set back by {before.evaluated_at - now}; rules that look back over a window wait."
            )
        return Evaluation(judged.changes, 0, states.count("firing"), states.count("pending"), warnings)

    done = store.alerts.transact(now, work)
    for warning in done.warnings:
        log.warning("%s", warning)
    return Evaluation(done.changes, store.notices.count_open(), done.firing, done.pending, done.warnings)
