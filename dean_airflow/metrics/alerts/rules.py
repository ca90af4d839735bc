"""What an alert rule says, once it has been read."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dean_airflow.metrics.series import Matcher

Measure = Literal["value", "average", "minimum", "maximum", "increase", "rate", "quantile", "age"]
MEASURES: tuple[Measure, ...] = ("value", "average", "minimum", "maximum", "increase", "rate", "quantile", "age")
WINDOWED = ("average", "minimum", "maximum", "increase", "rate", "quantile")
"""Measures taken over a window of time; `value` and `age` look at the newest sample alone."""

Severity = Literal["info", "warning", "error", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")

COMPARISONS = {
    "above": (">", operator.gt),
    "at_least": (">=", operator.ge),
    "below": ("<", operator.lt),
    "at_most": ("<=", operator.le),
    "equals": ("==", operator.eq),
    "differs_from": ("!=", operator.ne),
}
"""The words of a rule, each with PromQL's sign for it and what it computes. A value that is no number compares as in
PromQL: only `differs_from` holds."""
COMBINATIONS = ("sum", "average", "minimum", "maximum")

ALERT_NAME = "alertname"
SEVERITY = "severity"
RESERVED_LABELS = (ALERT_NAME, SEVERITY)
"""Labels the engine sets itself."""


@dataclass(frozen=True)
class Selector:
    """The series of `metric` that fit every matcher."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True)
class Condition:
    """`measure` of the selected series, compared with a threshold.

    `window` is in milliseconds (0 where the measure takes none), `quantile` 0..1. With `divide_by` both sides are
    measured and divided. With `by` series that agree in those labels are first combined into one. With `while_` the
    condition only counts while the sum of those series is above 0.
    """

    selector: Selector
    measure: Measure
    comparison: str
    threshold: float
    window: int = 0
    quantile: float | None = None
    divide_by: Selector | None = None
    by: tuple[str, ...] | None = None
    combine: str = "sum"
    while_: Selector | None = None

    def holds(self, value: float) -> bool:
        return bool(COMPARISONS[self.comparison][1](value, self.threshold))


@dataclass(frozen=True)
class Rule:
    """One rule. `hold` (`for` in the file) and `keep_firing` are in milliseconds; `line` is where it stands."""

    name: str
    group: str
    condition: Condition
    severity: Severity
    message: str
    hold: int = 0
    keep_firing: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True)
class Inhibition:
    """While an alert with all labels of `source` fires, alerts with those of `target` are not notified, where both
    have the same value for every label in `equal`.
    """

    source: Mapping[str, str]
    target: Mapping[str, str]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """All rules in force. `group_by`: which labels alerts share that are told of in one notification."""

    rules: tuple[Rule, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    group_by: tuple[str, ...] = (ALERT_NAME,)

    def metrics(self) -> dict[str, int]:
        """Every metric the rules read, with the longest window (milliseconds) any of them looks back."""
        windows: dict[str, int] = {}
        for rule in self.rules:
            condition = rule.condition
            for selector in (condition.selector, condition.divide_by):
                if selector is not None:
                    metric = series_name(condition, selector)
                    windows[metric] = max(windows.get(metric, 0), condition.window)
            if condition.while_ is not None:
                windows.setdefault(condition.while_.metric, 0)
        return windows


def series_name(condition: Condition, selector: Selector) -> str:
    """The name of the series that are read: those of a histogram's buckets for a quantile."""
    return f"{selector.metric}_bucket" if condition.measure == "quantile" else selector.metric
