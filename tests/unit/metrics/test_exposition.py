"""What /dean/metrics answers is valid, live, and says no more than there is."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dean_airflow.metrics.exposition import current, exposition
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.names import METRICS
from dean_airflow.metrics.sample import STALE, Sample, labels_of, to_ms
from dean_airflow.testing.promtool import MISSING, find_promtool

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def sample(name: str, value: float, minutes: float = 0, kind: str = "gauge", service: str = "a", **labels: str):
    return Sample(service, name, value, to_ms(NOON) + int(minutes * 60_000), labels_of(labels), kind)


def everything() -> MemoryHistory:
    """Every metric of DEAN's own, a histogram, and what hostile services tell."""
    history = MemoryHistory()
    for metric in METRICS.values():
        labels = dict.fromkeys(metric.labels, "x")
        history.append(
            [sample(metric.name, 3, -1, metric.type, **labels), sample(metric.name, 4, 0, metric.type, **labels)]
        )
    for service in ("a", "b"):
        for bound, count in (("0.1", 1), ("5", 2), ("+Inf", 4)):
            history.append([sample("shop_wait_seconds_bucket", count, 0, "histogram", service, le=bound)])
        history.append([sample("shop_wait_seconds_sum", 9, 0, "histogram", service)])
        history.append([sample("shop_wait_seconds_count", 4, 0, "histogram", service)])
    history.append([sample("shop_text", 1, evil='a"b\\c\nd', other="\u2028é")])
    history.append([sample("shop_text", float("inf"), service="b")])
    return history


@pytest.mark.skipif(find_promtool() is None, reason=MISSING)
def test_promtool_finds_nothing_wrong():
    text = exposition(everything(), NOON)
    checked = subprocess.run([str(find_promtool()), "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_it_parses_back_to_what_there_is():
    families = {family.name: family for family in text_string_to_metric_families(exposition(everything(), NOON))}
    (active,) = families["dean_evolution_trials_active"].samples
    assert (active.value, active.labels) == (4, {"service": "a"})
    assert families["dean_evolution_trials"].type in ("counter", "gauge")
    wait = families["shop_wait_seconds"]
    assert wait.type == "histogram"
    assert [one.labels.get("le") for one in wait.samples if one.labels["service"] == "a"][:3] == ["0.1", "5", "+Inf"]
    hostile = {one.labels["service"]: one for one in families["shop_text"].samples}
    assert hostile["a"].labels["evil"] == 'a"b\\c\nd'
    assert hostile["b"].value == float("inf")


def test_values_are_live_and_what_has_ended_or_is_old_is_absent():
    history = MemoryHistory()
    history.append([sample("shop_queue", 1, -2), sample("shop_queue", 2, -1)])
    history.append([sample("shop_old", 1, -5.1), sample("shop_ended", 1, -2), sample("shop_ended", STALE, -1)])
    assert [(one["name"], one["value"], one["age_seconds"]) for one in current(history, NOON)] == [
        ("shop_queue", 2, 60.0)
    ]
    history.append([sample("shop_queue", 7)])
    assert 'shop_queue{service="a"} 7.0' in exposition(history, NOON)
    assert "shop_old" not in exposition(history, NOON)
    assert "shop_ended" not in exposition(history, NOON)
    assert exposition(history, NOON + timedelta(hours=1)) == ""
