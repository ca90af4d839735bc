"""Rules files: what is read, and that every mistake is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.errors import RulesError
from dean_airflow.metrics.alerts.in_force import SERVER_METRICS
from dean_airflow.metrics.alerts.promql import to_promql
from dean_airflow.metrics.alerts.rules_file import (
    default_rules,
    load_rules,
    parse_rules,
    unknown_metrics,
    with_default_rules,
)
from dean_airflow.metrics.names import METRICS
from dean_airflow.services.server.prometheus import ServerMetrics

GOOD = """\
default_rules: false
group_by: [alertname, service]
groups:
  - name: services
    rules:
      - alert: ManyErrors
        metric: requests_total
        match: {status: ["500", "503"]}
        without: {service: test}
        measure: increase
        window: 5m
        divide_by: {metric: requests_total}
        by: [service]
        above: 0.05
        for: 5m
        keep_firing_for: 90s
        severity: error
        labels: {team: on}
        message: "{service}: {value:.1%} of the requests fail"
inhibit:
  - source: {alertname: ServiceDown}
    target: {severity: error}
    equal: [service]
"""

BAD = """\
groups:
  - name: services
    rules:
      - alert: Many Errors
        metric: requests-total
        mesure: increase
        above: five
        for: 5 minutes
      - alert: Slow
        metric: latency_seconds
        measure: quantile
        above: 1
        below: 0
        severity: fatal
        message: "{service.__class__} {value!r}"
      - alert: Slow
        metric: latency_seconds
        window: 5m
        above: 1
        above: 2
        labels: {severity: high, "no label": x}
  - name: services
    rule: []
inhibit:
  - source: {}
    equal: [a-b]
typo: 1
"""


def test_a_good_file_is_read_whole() -> None:
    parsed = parse_rules(GOOD)

    assert parsed.problems == []
    assert not parsed.default_rules
    (rule,) = parsed.rules.rules
    assert (rule.name, rule.group, rule.severity, rule.hold, rule.keep_firing) == (
        "ManyErrors", "services", "error", 300_000, 90_000,
    )  # fmt: skip
    assert rule.labels == {"team": "on"}
    assert to_promql(rule.condition) == (
        'sum by (service) (increase(requests_total{status=~"500|503",service!="test"}[5m]))'
        " / sum by (service) (increase(requests_total[5m])) > 0.05"
    )
    assert parsed.rules.group_by == ("alertname", "service")
    assert parsed.rules.inhibitions[0].equal == ("service",)


def test_every_mistake_is_said_with_its_line() -> None:
    parsed = parse_rules(BAD)

    assert parsed.rules is None
    said = {problem.line: "" for problem in parsed.problems}
    for problem in parsed.problems:
        said[problem.line] += problem.message + "; "
    expected = {
        4: "'Many Errors' is not a name",
        5: "'requests-total' is not the name of a metric",
        6: "no field `mesure`; did you mean `measure`?",
        7: "`above` must be a number, not 'five'",
        8: "'5 minutes' is not a duration",
        11: "needs `window`",
        13: "compares once",
        14: "`severity` must be one of info, warning, error, critical, not 'fatal'",
        15: "{service.__class__} is not a label",
        16: "the alert Slow is there already, in line 9",
        18: "`window` does not go with the measure value",
        20: "'above' is given twice, first in line 19",
        21: "severity is set by the rule itself",
        22: "the group 'services' is there already, in line 2",
        23: "a group has no field `rule`; did you mean `rules`?",
        25: "`source` must be a mapping",
        26: "'a-b' is not the name of a label",
        27: "the file has no field `typo`",
    }
    assert {line: text for line, text in expected.items() if text not in said.get(line, "")} == {}
    assert set(said) == set(expected)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("groups:\n\t- name: a\n", 2, "indented with a tab"),
        ("groups: [\n", 2, "is not YAML"),
        ("groups: &all\n  - *all\n", 2, "anchors and aliases are not allowed"),
        ("a: " + "[" * 2000 + "]" * 2000, 1, "nested too deeply"),
        ("- a\n", 1, "must be a mapping"),
        ("groups: 5\n", 1, "`groups` must be a list"),
        ("x: \x00\n", 1, "is not YAML"),
        ("#" * 1_000_001, 1, "longer than"),
    ],
)
def test_what_is_no_rules_file_at_all(text: str, line: int, message: str) -> None:
    (problem, *_) = parse_rules(text).problems

    assert problem.line == line
    assert message in problem.message


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"nowhere\.yaml cannot be read: No such file"):
        load_rules(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"groups: []\n# caf\xe9\n")
    with pytest.raises(RulesError, match=r"latin\.yaml line 2 is not UTF-8"):
        load_rules(tmp_path / "latin.yaml")


def test_load_rules_lists_all_mistakes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(BAD)

    with pytest.raises(RulesError) as raised:
        load_rules(path)

    lines = str(raised.value).splitlines()
    assert len(lines) >= 18
    assert all(line.startswith(f"{path} line ") and line.endswith(".") for line in lines)


def test_a_users_rule_takes_the_place_of_the_shipped_one() -> None:
    shipped = default_rules().rules[0]
    own = parse_rules(f"groups: [{{name: own, rules: [{{alert: {shipped.name}, metric: x, above: 1}}]}}]").rules

    both = with_default_rules(own)

    assert [rule.group for rule in both.rules if rule.name == shipped.name] == ["own"]
    assert len(both.rules) == len(default_rules().rules)


def test_a_metric_nobody_collects_is_a_warning_with_a_hint() -> None:
    rules = parse_rules(GOOD).rules

    (said, *_) = unknown_metrics(rules, {"request_total", "other"})

    assert (said.line, said.message) == (
        6, "ManyErrors: no sample of requests_total was ever collected; did you mean request_total?",
    )  # fmt: skip
    assert unknown_metrics(rules, {"requests_total"}) == []


def test_every_shipped_rule_reads_a_metric_that_is_made() -> None:
    assert unknown_metrics(default_rules(), {*METRICS, *SERVER_METRICS}) == []


def test_the_servers_metrics_are_what_the_servers_tell() -> None:
    metrics = ServerMetrics()
    metrics.observe("/agents", "GET", 200, 0.1)
    told = {line.split("{")[0].split(" ")[0] for line in metrics.text({}).splitlines() if not line.startswith("#")}

    assert set(SERVER_METRICS) <= told
