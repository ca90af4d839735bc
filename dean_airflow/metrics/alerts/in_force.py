"""The rules in force: those of the configured file, or, while it has mistakes, what it said when it last had none."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from dean_airflow.errors import RulesError
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.rules_file import default_rules, read_rules_text, rules_of, unknown_metrics
from dean_airflow.metrics.names import METRICS
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

SERVER_METRICS = (
    "dean_api_requests_total",
    "dean_api_latency_bucket",
    "dean_api_latency_sum",
    "dean_api_latency_count",
)
"""What DEAN's servers tell of themselves: see `services/server/prometheus.py`."""


@dataclass(frozen=True)
class RulesInForce:
    """`problem`: what is wrong with the file, "" if nothing is; the rules are then older than it."""

    rules: RuleSet
    problem: str = ""


def rules_in_force(store: Store, path: str | Path | None) -> RulesInForce:
    """The rules to evaluate. `path` is the configured file; without one the shipped rules are in force.

    A file that is good is remembered in the store, so that any worker has its rules when a later edit breaks it. One
    that never was good leaves the shipped rules. Raises StoreError.
    """
    if not path:
        return RulesInForce(default_rules())
    name = str(path)
    try:
        text = read_rules_text(Path(name).expanduser())
        rules = rules_of(text, name)
    except RulesError as error:
        return _last_good(store, name, str(error))
    if store.alert_rules.keep_good(name, text):
        for line in warnings_of(store, rules, name):
            log.warning("%s", line)
    return RulesInForce(rules)


def warnings_of(store: Store, rules: RuleSet, name: str) -> list[str]:
    """What may be a mistake in the file `name`: rules whose metric nobody makes or has ever collected.

    Raises StoreError.
    """
    known = {*METRICS, *SERVER_METRICS, *(series.name for series in store.series.find())}
    own = RuleSet(tuple(rule for rule in rules.rules if rule not in default_rules().rules))
    return [f"{name} line {problem.line}: {problem.message}." for problem in unknown_metrics(own, known)]


def _last_good(store: Store, name: str, problem: str) -> RulesInForce:
    kept = store.alert_rules.note_problem(name, problem)
    if kept is not None and kept.text is not None:
        try:
            return RulesInForce(rules_of(kept.text, name), problem)
        except RulesError:  # good for an older version of the package only
            pass
    return RulesInForce(default_rules(), problem)
