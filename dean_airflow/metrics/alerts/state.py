"""The life of one alert: inactive → pending → firing → resolved. A pure function of what was seen.

As in Prometheus: pending from the first evaluation at which the condition holds; firing once it has held for `for`;
resolved at the first evaluation at which it does not hold, or `keep_firing_for` later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from dean_airflow.metrics.alerts.durations import format_duration
from dean_airflow.metrics.alerts.rules import ALERT_NAME, SEVERITY, Rule
from dean_airflow.metrics.alerts.template import fill
from dean_airflow.metrics.alerts.watch import Watch
from dean_airflow.metrics.sample import Labels
from dean_airflow.store.alerts import AlertRecord


def alert_labels(rule: Rule, labels: Labels) -> dict[str, str]:
    """What identifies an alert: the labels of what was measured, the rule's own, its name and severity."""
    return {**dict(labels), **rule.labels, SEVERITY: rule.severity, ALERT_NAME: rule.name}


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Sixteen hexadecimal digits, the same for equal labels alone."""
    canonical = json.dumps(sorted(labels.items()), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def holding(before: AlertRecord | None, rule: Rule, labels: dict[str, str], value: float, watch: Watch) -> AlertRecord:
    """The alert at an evaluation at which its condition holds."""
    if before is None or before.state == "resolved":
        alert = _begun(before, rule, labels, watch)
    else:
        # What was missing in between counts as held, as long as it went on firing.
        alert = replace(before, held_ms=before.held_ms + watch.watched_ms, kept_ms=None)
    alert = replace(alert, value=value, message=_message(rule, labels, value), updated_at=watch.now)
    if alert.state == "pending" and alert.held_ms >= rule.hold:
        return replace(alert, state="firing", fired_at=watch.now)
    return alert


def not_holding(before: AlertRecord, keep_firing: int, watch: Watch) -> AlertRecord | None:
    """The alert at an evaluation at which its condition does not hold; None where there is nothing to remember.

    `keep_firing` is in milliseconds.
    """
    if before.state == "pending":
        return _as_it_was(before)
    if before.state == "resolved":
        return before
    kept = 0 if before.kept_ms is None else before.kept_ms + watch.watched_ms
    if kept < keep_firing:
        return replace(before, kept_ms=kept, updated_at=watch.now)
    return replace(before, state="resolved", kept_ms=None, resolved_at=watch.now, updated_at=watch.now)


def _begun(before: AlertRecord | None, rule: Rule, labels: dict[str, str], watch: Watch) -> AlertRecord:
    """A new episode; what was notified in the one before is remembered, because its end may be owed still."""
    return AlertRecord(
        fingerprint=fingerprint_of(labels),
        rule=rule.name,
        labels=labels,
        severity=rule.severity,
        message="",
        state="pending",
        value=None,
        active_at=watch.now,
        fired_at=None,
        resolved_at=None if before is None else before.resolved_at,
        updated_at=watch.now,
        notified="" if before is None else before.notified,
    )


def _as_it_was(pending: AlertRecord) -> AlertRecord | None:
    """What a pending alert becomes when it never fires: resolved, if it had fired in an episode before."""
    if pending.resolved_at is None:
        return None
    return replace(pending, state="resolved", held_ms=0, kept_ms=None)


def _message(rule: Rule, labels: Mapping[str, str], value: float) -> str:
    return fill(
        rule.message,
        labels,
        {"value": value, "threshold": rule.condition.threshold},
        {"alert": rule.name, "severity": rule.severity, "for": format_duration(rule.hold)},
    )
