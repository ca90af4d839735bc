"""`airflow dean metrics alerts`, `silence` and `test-rules`."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import command
from dean_airflow.errors import ConfigurationError, RulesError, StoreError

if TYPE_CHECKING:
    from dean_airflow.metrics.alerts.offline import Step
    from dean_airflow.metrics.alerts.rules import RuleSet
    from dean_airflow.store.store import Store


@command
def list_alerts(args: Any) -> int:
    """Print one line (or JSON object) per alert, the worst first; what is wrong with the rules file on stderr."""
    from dean_airflow.metrics.alerts.judging import summary_of

    settings = settings_in_process()
    with _store() as store:
        alerts = store.alerts.list(("pending", "firing", "resolved") if args.all else ("pending", "firing"))
        kept = store.alert_rules.get(settings.alert_rules) if settings.alert_rules else None
        owed = store.notices.count_open()
        clock = store.alerts.clock()
    if kept is not None and kept.problem:
        print(f"The rules that were last good are in force:\n{kept.problem}", file=sys.stderr)
    if args.json:
        print(json.dumps([summary_of(alert) for alert in alerts], indent=2))
        return 0
    for alert in alerts:
        muted = f"  (muted by {alert.muted_by})" if alert.muted_by else ""
        since = f"{alert.changed_at:%Y-%m-%d %H:%M:%S}"
        print(f"{alert.state:8} {alert.severity:8} {since}  {alert.rule}: {alert.message}{muted}")
    if clock is None:
        print("No rules have been evaluated yet: unpause dean_metrics_collection.")
    elif not alerts:
        print(f"Nothing to report; rules were last evaluated at {clock.evaluated_at:%Y-%m-%d %H:%M:%S} UTC.")
    if owed:
        print(f"{owed} changes are still to be told.")
    return 0


@command
def add_silence(args: Any) -> int:
    """Silence alerts from now on."""
    from dean_airflow.metrics.alerts.durations import parse_duration

    try:
        duration = timedelta(milliseconds=parse_duration(args.duration))
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}.") from None
    with _store() as store:
        silence = store.silences.add(labels_of_words(args.label), duration, args.reason, getpass.getuser())
    if args.json:
        print(json.dumps(silence.as_data(), indent=2))
    else:
        print(f"{silence.id} silences {_labels(silence.labels)} until {silence.ends_at:%Y-%m-%d %H:%M:%S} UTC.")
    return 0


@command
def list_silences(args: Any) -> int:
    """Print one line (or JSON object) per silence."""
    with _store() as store:
        silences = store.silences.list(ended=args.all)
    if args.json:
        print(json.dumps([silence.as_data() for silence in silences], indent=2))
        return 0
    for silence in silences:
        until = f"{silence.ends_at:%Y-%m-%d %H:%M:%S}"
        print(f"{silence.id}  until {until}  {_labels(silence.labels)}  {silence.reason} ({silence.author})")
    return 0


@command
def end_silence(args: Any) -> int:
    """End a silence before its time."""
    with _store() as store:
        silence = store.silences.end(args.silence_id)
    print(f"{silence.id} is over.")
    return 0


@command
def test_rules(args: Any) -> int:
    """Check the rules; print them, or what they would have done on the series given."""
    from dean_airflow.metrics.alerts.promql import to_prometheus_rules
    from dean_airflow.metrics.alerts.rules_file import default_rules, describe, parse_rules, read_rules_text

    if args.file is None:
        rules = default_rules()
    else:
        parsed = parse_rules(read_rules_text(Path(args.file)))
        if parsed.rules is None:
            raise RulesError(describe(parsed.problems, args.file))
        rules = parsed.rules
        _warn_of_unknown(rules, args.file)
    if args.prometheus:
        import yaml

        print(yaml.safe_dump(to_prometheus_rules(rules), sort_keys=False, width=1000), end="")
    elif args.series is not None:
        _try_on_series(rules, args)
    else:
        _print_rules(rules, as_json=args.json)
    return 0


def labels_of_words(words: Iterable[str]) -> dict[str, str]:
    """`a=b` and `c=d` as labels. Raises ConfigurationError."""
    from dean_airflow.metrics.sample import LABEL_NAME

    labels = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not LABEL_NAME.fullmatch(name) or not value:
            raise ConfigurationError(f"{word!r} is not a label such as service=evolution.")
        labels[name] = value
    return labels


def _warn_of_unknown(rules: RuleSet, name: str) -> None:
    from dean_airflow.metrics.alerts.in_force import warnings_of

    try:
        with _store() as store:
            warnings = warnings_of(store, rules, name)
    except StoreError as error:
        print(f"Which metrics there are could not be looked up: {error}", file=sys.stderr)
        return
    for warning in warnings:
        print(f"Warning: {warning}", file=sys.stderr)


def _print_rules(rules: RuleSet, *, as_json: bool) -> None:
    from dean_airflow.metrics.alerts.durations import format_duration
    from dean_airflow.metrics.alerts.promql import to_promql

    shown = [
        {
            "group": rule.group,
            "alert": rule.name,
            "severity": rule.severity,
            "expression": to_promql(rule.condition),
            "for": format_duration(rule.hold),
            "keep_firing_for": format_duration(rule.keep_firing),
        }
        for rule in rules.rules
    ]
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    for one in shown:
        print(f"{one['alert']} ({one['severity']}, for {one['for']}, keep firing for {one['keep_firing_for']})")
        print(f"    {one['expression']}")


def _try_on_series(rules: RuleSet, args: Any) -> None:
    from dean_airflow.metrics.alerts.durations import format_duration
    from dean_airflow.metrics.alerts.offline import replay
    from dean_airflow.metrics.alerts.rules_file import read_rules_text
    from dean_airflow.metrics.alerts.series_file import parse_series_file

    file = parse_series_file(read_rules_text(Path(args.series)), args.series)
    steps = list(replay(rules, file.reader(), 0, file.end, file.evaluate_every))
    if args.json:
        print(json.dumps([_shown_step(step) for step in steps], indent=2))
        return
    for step in steps:
        for change in step.changes:
            print(f"{format_duration(step.time):>8}  {change.state:8} {change.alert.rule}: {change.alert.message}")
    if not any(step.changes for step in steps):
        print(f"No alert would have fired in {format_duration(file.end)}.")


def _shown_step(step: Step) -> dict[str, Any]:
    return {
        "time_ms": step.time,
        "changes": [change.as_data() for change in step.changes],
        "alerts": [{"state": alert.state, "labels": alert.labels, "value": alert.value} for alert in step.alerts],
    }


def _labels(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _store() -> Store:
    from dean_airflow.store.store import Store

    return Store.open(settings_in_process().store)
