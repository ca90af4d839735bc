"""Which changes somebody is told of: not what is silenced, inhibited or flapping, and each only once.

An alert remembers what was last said of it. A notice is due when its state is another, so that a silence that ends
while the alert still fires is followed by the notice it held back, and nothing is ever said twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from dean_airflow.metrics.alerts.judging import summary_of
from dean_airflow.metrics.alerts.rules import Inhibition, RuleSet
from dean_airflow.metrics.sample import to_ms
from dean_airflow.store.alert_notices import Notice
from dean_airflow.store.alerts import AlertBook, AlertRecord
from dean_airflow.store.silences import Silence

FLAPPING_AFTER = 6
"""Notices of one alert within an hour (three times on and off), after which it must calm down first."""
CALM = timedelta(minutes=10)
"""For how long a flapping alert must have stayed in its state before that is told: so at most six more an hour."""


def plan_notices(book: AlertBook, rules: RuleSet, now: datetime) -> None:
    """Puts the notices that are due into the book, and what they say into its alerts."""
    firing = [alert for alert in book.alerts.values() if alert.state == "firing"]
    for alert in list(book.alerts.values()):
        muted_by = _muted_by(alert, book.silences, rules.inhibitions, firing) if alert.state == "firing" else ""
        due = _due(alert, muted_by)
        if due and _is_calm(alert, book.recent_notices.get(alert.fingerprint, 0), now):
            book.notices.append(_notice(alert, due, rules.group_by, now))
            alert = replace(alert, notified=due)
        book.alerts[alert.fingerprint] = replace(alert, muted_by=muted_by)


def _due(alert: AlertRecord, muted_by: str) -> str:
    """The state to tell of, "" for nothing. The end of what was told is told even when it is muted by now."""
    if alert.state == "firing" and not muted_by and alert.notified != "firing":
        return "firing"
    if alert.state == "resolved" and alert.notified == "firing":
        return "resolved"
    return ""


def _is_calm(alert: AlertRecord, recent: int, now: datetime) -> bool:
    return recent < FLAPPING_AFTER or now - alert.changed_at >= CALM


def _muted_by(
    alert: AlertRecord, silences: Iterable[Silence], inhibitions: Iterable[Inhibition], firing: Iterable[AlertRecord]
) -> str:
    for silence in silences:
        if silence.mutes(alert.labels):
            return silence.id
    for inhibition in inhibitions:
        if not _fits(alert, inhibition.target):
            continue
        for other in firing:
            if _inhibits(other, alert, inhibition):
                return f"alert {other.rule} {other.fingerprint}"
    return ""


def _inhibits(source: AlertRecord, target: AlertRecord, inhibition: Inhibition) -> bool:
    """As in Alertmanager, two alerts that fit both sides do not mute each other."""
    if source.fingerprint == target.fingerprint or not _fits(source, inhibition.source):
        return False
    if _fits(source, inhibition.target) and _fits(target, inhibition.source):
        return False
    return all(source.labels.get(name, "") == target.labels.get(name, "") for name in inhibition.equal)


def _fits(alert: AlertRecord, labels: Mapping[str, str]) -> bool:
    return all(alert.labels.get(name, "") == value for name, value in labels.items())


def _notice(alert: AlertRecord, state: str, group_by: Iterable[str], now: datetime) -> Notice:
    group = {name: alert.labels[name] for name in group_by if name in alert.labels}
    batch = json.dumps([sorted(group.items()), state, to_ms(now)])
    return Notice(
        key=f"{alert.fingerprint}-{state}-{to_ms(alert.changed_at)}",
        batch=hashlib.sha256(batch.encode()).hexdigest()[:32],
        fingerprint=alert.fingerprint,
        state=state,
        group_labels=group,
        alert={
            **summary_of(alert),
            "state": state,
            "starts_at": (alert.fired_at or alert.active_at).isoformat(),
            "ends_at": alert.resolved_at.isoformat() if state == "resolved" and alert.resolved_at else None,
        },
        created_at=now,
    )
