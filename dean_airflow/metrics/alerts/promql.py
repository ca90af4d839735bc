"""Rules as PromQL: what a user can paste into Prometheus, and what promtool runs to check our verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dean_airflow.metrics.alerts.durations import format_duration
from dean_airflow.metrics.alerts.rules import COMPARISONS, SEVERITY, Condition, Rule, RuleSet, Selector, series_name
from dean_airflow.metrics.alerts.template import to_go_template

_OVER_TIME = {"average": "avg_over_time", "minimum": "min_over_time", "maximum": "max_over_time"}
_COMBINED = {"sum": "sum", "average": "avg", "minimum": "min", "maximum": "max"}


def to_promql(condition: Condition) -> str:
    """The expression that has a result exactly where the condition holds."""
    sign = COMPARISONS[condition.comparison][0]
    left = _side(condition, condition.selector)
    if condition.divide_by is not None:
        left = f"{left} / {_side(condition, condition.divide_by)}"
    compared = f"{left} {sign} {_number(condition.threshold)}"
    if condition.while_ is None:
        return compared
    return f"({compared}) and on () (sum({_selector(condition.while_.metric, condition.while_)}) > 0)"


def to_prometheus_rules(rules: RuleSet) -> dict[str, Any]:
    """A Prometheus rules file, as data. Inhibition and grouping are Alertmanager's and have no place in it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in rules.rules:
        groups.setdefault(rule.group, []).append(_prometheus_rule(rule))
    return {"groups": [{"name": name, "rules": members} for name, members in groups.items()]}


def series_text(metric: str, labels: Mapping[str, str]) -> str:
    """One series as Prometheus writes it: `name{a="b"}`."""
    inside = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(labels.items()))
    return f"{metric}{{{inside}}}" if inside else metric


def _prometheus_rule(rule: Rule) -> dict[str, Any]:
    written: dict[str, Any] = {"alert": rule.name, "expr": to_promql(rule.condition)}
    if rule.hold:
        written["for"] = format_duration(rule.hold)
    if rule.keep_firing:
        written["keep_firing_for"] = format_duration(rule.keep_firing)
    written["labels"] = {**rule.labels, SEVERITY: rule.severity}
    written["annotations"] = {"message": to_go_template(rule.message)}
    return written


def _side(condition: Condition, selector: Selector) -> str:
    series = _selector(series_name(condition, selector), selector)
    window = f"[{format_duration(condition.window)}]"
    match condition.measure:
        case "quantile":
            rates = f"rate({series}{window})"
            if condition.by is not None:
                rates = f"sum by ({', '.join(('le', *condition.by))}) ({rates})"
            return f"histogram_quantile({_number(condition.quantile or 0.0)}, {rates})"
        case "increase" | "rate":
            measured = f"{condition.measure}({series}{window})"
        case "average" | "minimum" | "maximum":
            measured = f"{_OVER_TIME[condition.measure]}({series}{window})"
        case "age":
            measured = f"(time() - {series})"
        case "value":
            measured = series
    if condition.by is None:
        return measured
    return f"{_COMBINED[condition.combine]} by ({', '.join(condition.by)}) ({measured})"


def _selector(metric: str, selector: Selector) -> str:
    inside = ",".join(f"{each.label}{each.operator}{_quoted(each.value)}" for each in selector.matchers)
    return f"{metric}{{{inside}}}" if inside else metric


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
