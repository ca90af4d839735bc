"""One evaluation of all rules: from samples to what became of each alert. No store is written here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dean_airflow.metrics.alerts.expression import LOOKBACK, Selecting, Values, compute
from dean_airflow.metrics.alerts.rules import Rule, RuleSet
from dean_airflow.metrics.alerts.state import alert_labels, fingerprint_of, holding, not_holding
from dean_airflow.metrics.alerts.watch import Watch
from dean_airflow.metrics.series import Matcher, SampleReader, Series
from dean_airflow.store.alerts import AlertRecord, State

ALERTS_PER_RULE = 500
"""A rule over a label that explodes fires for so many of its values; the rest is said in one warning."""


@dataclass(frozen=True)
class Change:
    """An alert that began to fire, or was resolved."""

    alert: AlertRecord
    state: State

    def as_data(self) -> dict[str, object]:
        """What happened, as JSON-able data."""
        return {"state": self.state, **summary_of(self.alert)}


@dataclass
class Judgement:
    """All alerts after an evaluation, those that changed, and what an administrator should know."""

    alerts: dict[str, AlertRecord]
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def summary_of(alert: AlertRecord) -> dict[str, object]:
    """An alert as people and programs are shown it; `timestamp` is when it came into its state."""
    return {
        "fingerprint": alert.fingerprint,
        "alert": alert.rule,
        "service": alert.labels.get("service"),
        "severity": alert.severity,
        "state": alert.state,
        "message": alert.message,
        "value": alert.value,
        "timestamp": alert.changed_at.isoformat(),
        "active_since": alert.active_at.isoformat(),
        "muted_by": alert.muted_by or None,
        "labels": alert.labels,
    }


def measure(rules: RuleSet, reader: SampleReader, now: int) -> dict[str, Values]:
    """Every rule's values at `now` (milliseconds since 1970), by its name. Raises StoreError."""
    select = _read_once(rules, reader, now)
    return {rule.name: compute(rule.condition, select, now) for rule in rules.rules}


def judge(rules: RuleSet, measured: Mapping[str, Values], alerts: Mapping[str, AlertRecord], watch: Watch) -> Judgement:
    """What becomes of the alerts, given what was measured."""
    after = Judgement(dict(alerts))
    by_rule: dict[str, list[AlertRecord]] = {}
    for alert in alerts.values():
        by_rule.setdefault(alert.rule, []).append(alert)
    for rule in rules.rules:
        known = by_rule.pop(rule.name, [])
        if not watch.is_blind(rule):
            _judge_rule(rule, measured[rule.name], known, watch, after)
    for orphan in (alert for known in by_rule.values() for alert in known):  # their rules are there no more
        _put(after, orphan.fingerprint, not_holding(orphan, 0, watch))
    after.changes = _changes(alerts, after.alerts)
    return after


def _judge_rule(rule: Rule, values: Values, known: Iterable[AlertRecord], watch: Watch, after: Judgement) -> None:
    present: set[str] = set()
    held: set[str] = set()
    left_out = 0
    for labels, value in sorted(values.items()):
        full = alert_labels(rule, labels)
        fingerprint = fingerprint_of(full)
        present.add(fingerprint)
        if fingerprint in held or not rule.condition.holds(value):
            continue
        if len(held) >= ALERTS_PER_RULE and fingerprint not in after.alerts:
            left_out += 1
            continue
        held.add(fingerprint)
        after.alerts[fingerprint] = holding(after.alerts.get(fingerprint), rule, full, value, watch)
    if left_out:
        after.warnings.append(
            f"{rule.name} holds for {left_out} series more than the {ALERTS_PER_RULE} it may fire for."
        )
    for alert in known:
        gone = alert.fingerprint not in present
        if alert.fingerprint not in held and not (gone and not watch.sees_absence(rule)):
            _put(after, alert.fingerprint, not_holding(alert, rule.keep_firing, watch))


def _put(after: Judgement, fingerprint: str, alert: AlertRecord | None) -> None:
    if alert is None:
        after.alerts.pop(fingerprint, None)
    else:
        after.alerts[fingerprint] = alert


def _changes(before: Mapping[str, AlertRecord], after: Mapping[str, AlertRecord]) -> list[Change]:
    changes = []
    for alert in sorted(after.values(), key=lambda alert: (alert.rule, sorted(alert.labels.items()))):
        was = before.get(alert.fingerprint)
        if alert.state == "firing" and (was is None or was.state != "firing"):
            changes.append(Change(alert, "firing"))
        if alert.state == "resolved" and was is not None and was.state == "firing":
            changes.append(Change(alert, "resolved"))
    return changes


def _read_once(rules: RuleSet, reader: SampleReader, now: int) -> Selecting:
    """Reads each metric at most once for all rules, as far back as any of them looks."""
    windows = rules.metrics()
    kept: dict[str, list[Series]] = {}

    def select(metric: str, matchers: tuple[Matcher, ...], start: int, end: int) -> list[Series]:
        if metric not in kept:
            back = max(windows.get(metric, 0), LOOKBACK)
            kept[metric] = reader.select(metric, start=now - back, end=end)
        found = []
        for series in kept[metric]:
            if all(matcher.matches(series.service, series.labels) for matcher in matchers):
                points = series.points[bisect_left(series.points, start, key=lambda point: point[0]) :]
                if points:
                    found.append(Series(series.key, series.type, points))
        return found

    return select
