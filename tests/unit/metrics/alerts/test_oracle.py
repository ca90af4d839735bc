"""Our verdicts are Prometheus' own: the benchmark `alert_oracle` compares many more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dean_airflow.metrics.alerts.promql import to_promql
from dean_airflow.metrics.alerts.rules import RuleSet
from dean_airflow.metrics.alerts.rules_file import default_rules
from dean_airflow.metrics.alerts.series_file import parse_series_file
from dean_airflow.testing.alert_cases import alert_case
from dean_airflow.testing.promtool import MISSING, AlertCase, differing_verdicts, find_promtool

SERIES = r"""
interval: 30s
series:
  - {series: 'dean_service_health{service="a"}', values: '1x10 0x9 1x3 0x1 1x30'}
  - {series: 'dean_service_health{service="b"}', values: '1x10 _x30 1x5 stale 1x5'}
  - {series: 'dean_api_requests_total{service="a",status="200"}', values: '0+10x60'}
  - {series: 'dean_api_requests_total{service="a",status="500"}', values: '0x10 0+2x20 40x30'}
  - {series: 'dean_host_disk_free_ratio{host="h",path="/"}', values: '0.5x10 0.17x20 0.05x10 0.5x10'}
  - {series: 'dean_evolution_last_generation_timestamp_seconds{service="dean"}', values: '-4000x60'}
  - {series: 'dean_evolution_trials_active{service="dean"}', values: '0x20 1x20 0x10'}
  - {series: 'dean_api_latency_bucket{service="a",le="1"}', values: '0+1x60'}
  - {series: 'dean_api_latency_bucket{service="a",le="2.5"}', values: '0+2x60'}
  - {series: 'dean_api_latency_bucket{service="a",le="+Inf"}', values: '0+2x60'}
"""


@pytest.fixture(scope="module")
def promtool() -> str:
    found = find_promtool()
    if found is None:
        pytest.skip(MISSING)
    return found


def test_random_rules_and_series_get_promtools_verdicts(promtool: str, tmp_path: Path) -> None:
    differences, compared = differing_verdicts([alert_case(seed) for seed in range(1000, 1030)], tmp_path, promtool)

    assert compared > 1500
    assert differences == [], f"seeds {sorted({one.seed for one in differences})}"


def test_the_shipped_rules_get_promtools_verdicts(promtool: str, tmp_path: Path) -> None:
    case = AlertCase(0, default_rules(), parse_series_file(SERIES, "series"))

    differences, compared = differing_verdicts([case], tmp_path, promtool)

    assert differences == []
    assert compared == 32


def test_a_rule_that_is_not_the_one_promtool_ran_is_found_out(
    promtool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dean_airflow.testing import promtool as oracle

    case = AlertCase(7, default_rules(), parse_series_file(SERIES, "series"))
    slower = RuleSet(tuple(replace(rule, hold=rule.hold + 60_000) for rule in case.rules.rules))
    written = oracle.to_prometheus_rules(slower)
    monkeypatch.setattr(oracle, "to_prometheus_rules", lambda rules: written)

    differences, _ = differing_verdicts([case], tmp_path, promtool)

    assert {one.seed for one in differences} == {7}
    assert len(differences) > 5


def test_the_expressions_of_the_shipped_rules() -> None:
    shown = {rule.name: to_promql(rule.condition) for rule in default_rules().rules}

    assert shown["ServiceSlow"] == (
        "histogram_quantile(0.95, sum by (le, service) (rate(dean_api_latency_bucket[5m]))) > 1"
    )
    assert shown["EvolutionStalled"] == (
        "((time() - dean_evolution_last_generation_timestamp_seconds) > 3600)"
        " and on () (sum(dean_evolution_trials_active) > 0)"
    )
    assert shown["HighCpu"] == "avg_over_time(dean_host_cpu_busy_ratio[5m]) > 0.8"
