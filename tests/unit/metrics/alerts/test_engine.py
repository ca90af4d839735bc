"""Alerts over time: what fires, what is told, and that nothing is told twice. On every kind of store."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dean_airflow.metrics.alerts.engine import evaluate, evaluate_in_force
from dean_airflow.metrics.alerts.judging import ALERTS_PER_RULE, summary_of
from dean_airflow.metrics.alerts.notable import FLAPPING_AFTER
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import STALE, Sample, to_ms

HOLDING = """
groups:
  - name: services
    rules:
      - {alert: Down, metric: up, below: 1, for: 3m, keep_firing_for: 2m, message: "{service} is down ({value:.0f})"}
"""
RATES = """
groups:
  - name: services
    rules:
      - {alert: Errors, metric: errors_total, measure: increase, window: 5m, above: 100, keep_firing_for: 1m}
"""
GRADED = """
groups:
  - name: services
    rules:
      - {alert: Down, metric: up, below: 1, severity: critical}
      - {alert: Shaky, metric: up, below: 2, severity: warning}
inhibit:
  - {source: {alertname: Down}, target: {severity: warning}, equal: [service]}
"""


def test_two_unhealthy_of_four_are_two_alerts_that_clear_on_recovery(watchman):
    watch = watchman()

    first = watch.evaluate(a=0, b=1, c=0, d=1)

    assert [(change.alert.labels["service"], change.state) for change in first.changes] == [
        ("a", "firing"), ("c", "firing"),
    ]  # fmt: skip
    shown = [summary_of(alert) for alert in watch.store.alerts.list()]
    assert [(one["service"], one["severity"], one["message"]) for one in shown] == [
        ("a", "critical", "a is down"), ("c", "critical", "c is down"),
    ]  # fmt: skip
    assert {one["timestamp"] for one in shown} == {watch.clock().isoformat()}

    again = watch.minute(a=0, b=1, c=0, d=1)  # repeats are merged
    assert again.changes == []
    assert watch.said() == ["a firing", "c firing"]

    watch.minute(a=1, b=1, c=0, d=1)
    assert watch.states() == {"Down c": "firing", "Down a": "resolved"}
    assert watch.said() == ["a firing", "c firing", "a resolved"]


def test_degraded_is_less_severe_than_unhealthy(watchman):
    watch = watchman()
    watch.collect("degraded", a=1)
    watch.evaluate(b=0)

    assert [(alert.labels["service"], alert.severity) for alert in watch.store.alerts.list()] == [
        ("b", "critical"), ("a", "warning"),
    ]  # fmt: skip


def test_an_alert_waits_fires_is_kept_and_resolves(watchman):
    watch = watchman(HOLDING)
    states = []
    for value in (0, 0, 0, 0, 1, 0, 1, 1, 1, 1):
        watch.minute(a=value)
        states.append(watch.states().get("Down a", "inactive"))

    assert states == [
        "pending", "pending", "pending", "firing", "firing", "firing", "firing", "firing", "resolved", "resolved",
    ]  # fmt: skip
    assert watch.said() == ["a firing", "a resolved"]


def test_what_never_held_for_long_enough_leaves_no_trace(watchman):
    watch = watchman(HOLDING)
    for value in (0, 0, 1, 0, 0, 1):
        watch.minute(a=value)

    assert watch.states() == {}
    assert watch.said() == []


def test_a_series_that_ends_is_not_zero(watchman):
    watch = watchman()
    watch.evaluate(a=1)
    watch.minute(a=STALE)
    assert watch.states() == {}

    watch.minute(a=0)
    watch.minute(a=STALE)
    assert watch.states() == {"Down a": "resolved"}


def test_a_service_that_flaps_does_not_storm(watchman):
    watch = watchman()
    for _ in range(12):
        watch.minute(a=0)
        watch.minute(a=1)
    stormy = len(watch.said())
    for _ in range(15):
        watch.minute(a=1)

    assert stormy <= FLAPPING_AFTER + 1
    assert watch.said()[-1] == "a resolved"
    assert len(watch.said()) <= stormy + 1
    assert all(first != second for first, second in zip(watch.said(), watch.said()[1:], strict=False))


def test_an_evaluation_that_is_repeated_changes_nothing(watchman):
    watch = watchman(HOLDING)
    for value in (0, 0, 0, 0):
        watch.minute(a=value)
        before = watch.store.alerts.list()
        assert watch.evaluate().changes == []
        assert watch.store.alerts.list() == before
    assert watch.said() == ["a firing"]


def test_an_evaluation_that_comes_late_is_void(watchman):
    watch = watchman()
    watch.minute(a=0)

    late = evaluate(watch.store, watch.rules, watch.clock() - timedelta(seconds=30), reader=MemoryHistory())

    assert "void" in late.warnings[0]
    assert watch.states() == {"Down a": "firing"}


def test_a_rule_that_is_gone_resolves_its_alerts(watchman):
    watch = watchman()
    watch.minute(a=0)
    watch.rules = watchman(HOLDING.replace("Down", "Other")).rules

    watch.minute(a=0)

    assert watch.states() == {"Down a": "resolved", "Other a": "pending"}


def test_only_the_worst_of_an_inhibited_pair_is_told(watchman):
    watch = watchman(GRADED)
    watch.minute(a=0, b=1)
    assert watch.said() == ["a firing", "b firing"]
    muted = {alert.rule: alert.muted_by for alert in watch.store.alerts.list() if alert.labels["service"] == "a"}
    assert muted["Down"] == ""
    assert muted["Shaky"].startswith("alert Down")

    watch.minute(a=1, b=1)  # no more down, still shaky: now that is told

    told = [
        (notice.alert["alert"], notice.state)
        for notice in watch.store.notices.recent()
        if notice.created_at == watch.clock()
    ]
    assert sorted(told) == [("Down", "resolved"), ("Shaky", "firing")]


def test_a_silence_holds_back_what_it_should_and_what_still_fires_is_told_after_it(watchman):
    watch = watchman()
    watch.store.silences.add({"service": "a"}, timedelta(minutes=5), "replacing the disk", "me")
    watch.minute(a=0, b=0)
    assert watch.said() == ["b firing"]
    assert next(alert for alert in watch.store.alerts.list() if alert.labels["service"] == "a").muted_by

    for _ in range(5):
        watch.minute(a=0, b=0)

    assert watch.said() == ["b firing", "a firing"]


def test_the_end_of_what_was_told_is_told_even_when_it_is_silenced(watchman):
    watch = watchman()
    watch.minute(a=0)
    watch.store.silences.add({"service": "a"}, timedelta(hours=1), "known", "me")
    watch.minute(a=1)

    assert watch.said() == ["a firing", "a resolved"]


def test_what_fired_and_ended_in_silence_is_never_told(watchman):
    watch = watchman()
    watch.store.silences.add({"service": "a"}, timedelta(hours=1), "known", "me")
    watch.minute(a=0)
    watch.minute(a=1)

    assert watch.said() == []


def test_labels_that_explode_are_capped_with_a_warning(watchman):
    watch = watchman()
    for number in range(ALERTS_PER_RULE + 20):
        watch.collect(labels={"path": str(number)}, a=0)

    done = evaluate(watch.store, watch.rules, watch.clock(), reader=watch.history)

    assert done.firing == ALERTS_PER_RULE
    assert done.warnings == ["Down holds for 20 series more than the 500 it may fire for."]


# Clocks


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_makes_no_storm(watchman, jump):
    watch = watchman(HOLDING + RATES.split("rules:\n")[1], keep=True)
    now = to_ms(watch.clock())
    watch.history.append(  # what the jump finds in the history
        Sample(service, "errors_total", per_minute * minute, now - (119 - minute) * 60_000)
        for minute in range(120)
        for service, per_minute in (("a", 10.0), ("b", 10.0), ("bad", 100.0))
    )
    for minute in range(120, 150):
        watch.clock.move(minutes=1)
        if minute == 126:
            watch.clock.time += jump
        if minute == 138:
            watch.clock.time -= jump
        watch.collect("errors_total", a=10.0 * minute, b=10.0 * minute, bad=100.0 * minute)
        watch.evaluate(a=1, b=1, dead=0)

    assert sorted(watch.said()) == ["bad firing", "dead firing"]
    assert watch.states() == {"Down dead": "firing", "Errors bad": "firing"}


def test_after_the_clock_was_set_back_rules_look_on_soon(watchman):
    watch = watchman(RATES, keep=True)
    for minute in range(10):
        watch.clock.move(minutes=1)
        watch.collect("errors_total", a=float(minute))
        watch.evaluate()
    watch.clock.move(hours=-1)
    warned = watch.evaluate()
    assert "set back" in warned.warnings[0]
    for minute in range(15):
        watch.clock.move(minutes=1)
        watch.collect("errors_total", a=float(100 * minute))
        watch.evaluate()

    assert watch.states() == {"Errors a": "firing"}


def test_a_pause_is_not_held_against_anybody(watchman):
    watch = watchman(HOLDING)
    watch.minute(a=0)  # pending
    watch.clock.move(hours=5)
    watch.evaluate(a=0)
    assert watch.states() == {"Down a": "pending"}

    watch.minute(a=0)
    watch.minute(a=0)
    watch.minute(a=0)
    assert watch.states() == {"Down a": "firing"}
    watch.clock.move(hours=5)
    watch.evaluate()  # nothing collected yet: not recovered
    assert watch.states() == {"Down a": "firing"}
    for _ in range(10):
        watch.minute()
    assert watch.states() == {"Down a": "resolved"}
    assert watch.said() == ["a firing", "a resolved"]


@pytest.mark.parametrize("day", [(2030, 3, 31), (2030, 10, 27)])
def test_daylight_saving_changes_nothing(watchman, clock, day):
    berlin = ZoneInfo("Europe/Berlin")
    clock.time = clock().replace(year=day[0], month=day[1], day=day[2], hour=0, minute=30)
    watch = watchman(HOLDING)
    for minute in range(50):
        clock.move(minutes=1)
        watch.collect(a=float(not 25 <= minute < 35))
        evaluate(watch.store, watch.rules, clock().astimezone(berlin), reader=watch.history)

    assert watch.said() == ["a firing", "a resolved"]


# Rules in force


def test_the_last_good_rules_stay_in_force(watchman, tmp_path):
    watch = watchman()
    path = tmp_path / "rules.yaml"
    path.write_text("default_rules: false" + HOLDING)
    assert evaluate_in_force(watch.store, path, watch.clock()).warnings == []

    path.write_text("groups: 5\nother: 1\n")
    done = evaluate_in_force(watch.store, path, watch.clock())
    assert [warning.split(": ")[0] for warning in done.warnings] == [f"{path} line 1", f"{path} line 2"]
    assert watch.store.alert_rules.get(str(path)).problem

    path.unlink()
    from dean_airflow.metrics.alerts.in_force import rules_in_force

    kept = rules_in_force(watch.store, path)
    assert [rule.name for rule in kept.rules.rules] == ["Down"]
    assert "cannot be read" in kept.problem

    path.write_text("default_rules: false" + HOLDING.replace("Down", "Gone"))
    assert [rule.name for rule in rules_in_force(watch.store, path).rules.rules] == ["Gone"]
    assert watch.store.alert_rules.get(str(path)).problem == ""


def test_a_file_that_never_was_good_leaves_the_shipped_rules(watchman, tmp_path):
    from dean_airflow.metrics.alerts.in_force import rules_in_force
    from dean_airflow.metrics.alerts.rules_file import default_rules

    (tmp_path / "rules.yaml").write_text("rules: []\n")

    found = rules_in_force(watchman().store, tmp_path / "rules.yaml")

    assert found.rules == default_rules()
    assert "line 1" in found.problem
