"""Reads one rule of a rules file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from dean_airflow.metrics.alerts.fields import Fields
from dean_airflow.metrics.alerts.located import Located, Problem
from dean_airflow.metrics.alerts.rules import (
    COMBINATIONS,
    COMPARISONS,
    MEASURES,
    RESERVED_LABELS,
    SEVERITIES,
    WINDOWED,
    Condition,
    Measure,
    Rule,
    Selector,
    Severity,
)
from dean_airflow.metrics.alerts.template import check_template
from dean_airflow.metrics.series import Matcher

RULE_FIELDS = (
    "alert", "metric", "match", "without", "measure", "window", "quantile", "divide_by", "by", "combine", "while",
    *COMPARISONS, "for", "keep_firing_for", "severity", "labels", "message",
)  # fmt: skip
SELECTOR_FIELDS = ("metric", "match", "without")

_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REGULAR = re.compile(r"([\\.+*?()|\[\]{}^$])")


def read_rule(item: Located, group: str, problems: list[Problem]) -> Rule:
    """The rule; where there are mistakes they are among `problems`, and the rule is of no use."""
    fields = Fields(item, RULE_FIELDS, "a rule", problems)
    name = fields.text("alert", required=True) or ""
    if name and not _ALERT.fullmatch(name):
        fields.problem(f"`alert`: {name!r} is not a name of letters, digits and underscores", "alert")
    fields.name_it(f"the rule {name}" if name else "a rule")
    message = fields.text("message") or "{alert}: {value}"
    wrong = check_template(message)
    if wrong is not None:
        fields.problem(wrong, "message")
    labels = fields.texts("labels")
    for label in RESERVED_LABELS:
        if label in labels:
            fields.problem(f"`labels`: {label} is set by the rule itself", "labels")
    return Rule(
        name=name,
        group=group,
        condition=_read_condition(fields),
        severity=cast("Severity", fields.choice("severity", SEVERITIES) or "warning"),
        message=message,
        hold=fields.duration("for") or 0,
        keep_firing=fields.duration("keep_firing_for") or 0,
        labels=labels,
        line=item.line,
    )


def _read_condition(fields: Fields) -> Condition:
    measure = cast("Measure", fields.choice("measure", MEASURES) or "value")
    comparison, threshold = _read_comparison(fields)
    divide_by = _read_selector(fields, "divide_by")
    if divide_by is not None and measure in ("quantile", "age"):
        fields.problem(f"`divide_by` does not go with the measure {measure}", "divide_by")
    combine = fields.choice("combine", COMBINATIONS) or "sum"
    by = fields.label_names("by")
    if "combine" in fields and by is None:
        fields.problem("`combine` needs `by`: which labels the result keeps", "combine")
    if "combine" in fields and measure == "quantile":
        fields.problem("`combine`: the buckets of histograms are always summed", "combine")
    return Condition(
        selector=Selector(fields.metric("metric", required=True) or "", _read_matchers(fields)),
        measure=measure,
        comparison=comparison,
        threshold=threshold,
        window=_read_window(fields, measure),
        quantile=_read_quantile(fields, measure),
        divide_by=divide_by,
        by=by,
        combine=combine,
        while_=_read_selector(fields, "while"),
    )


def _read_comparison(fields: Fields) -> tuple[str, float]:
    given = [word for word in COMPARISONS if word in fields]
    if len(given) != 1:
        fields.problem(
            f"a rule compares once: give one of {', '.join(COMPARISONS)}", given[1] if len(given) > 1 else None
        )
    thresholds = {word: fields.number(word) for word in given}
    word = given[0] if given else "above"
    return word, thresholds.get(word) or 0.0


def _read_window(fields: Fields, measure: str) -> int:
    window = fields.duration("window")
    if measure in WINDOWED and "window" not in fields:
        fields.problem(f"the measure {measure} needs `window`, such as 5m", "measure")
    elif measure not in WINDOWED and "window" in fields:
        fields.problem(f"`window` does not go with the measure {measure}", "window")
    elif window is not None and window < 1000:
        fields.problem("`window` must be at least 1s", "window")
    return window or 0


def _read_quantile(fields: Fields, measure: str) -> float | None:
    quantile = fields.number("quantile")
    if measure != "quantile":
        if "quantile" in fields:
            fields.problem(f"`quantile` does not go with the measure {measure}", "quantile")
        return None
    if "quantile" not in fields:
        fields.problem("the measure quantile needs `quantile`, such as 0.95", "measure")
    elif quantile is not None and not 0 < quantile < 1:
        fields.problem("`quantile` must be between 0 and 1", "quantile")
    return quantile


def _read_selector(fields: Fields, name: str) -> Selector | None:
    """Written as the name of a metric, or as a mapping with it."""
    located = fields.located(name)
    if located is None:
        return None
    if isinstance(located.value, str):
        return Selector(fields.metric(name) or "")
    inner = Fields(located, SELECTOR_FIELDS, f"`{name}`", fields.problems)
    return Selector(inner.metric("metric", required=True) or "", _read_matchers(inner))


def _read_matchers(fields: Fields) -> tuple[Matcher, ...]:
    return (*_matchers(fields.choices("match"), "="), *_matchers(fields.choices("without"), "!="))


def _matchers(choices: Mapping[str, tuple[str, ...]], sign: str) -> list[Matcher]:
    matchers = []
    for label, texts in choices.items():
        if len(texts) == 1:
            matchers.append(Matcher(label, "=" if sign == "=" else "!=", texts[0]))
        else:
            pattern = "|".join(_REGULAR.sub(r"\\\1", text) for text in texts)
            matchers.append(Matcher(label, "=~" if sign == "=" else "!~", pattern))
    return matchers
