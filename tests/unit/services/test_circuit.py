"""How a circuit changes, walked through without a clock or a service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dean_airflow.errors import ConfigurationError
from dean_airflow.services.calling import circuit as rules
from dean_airflow.services.endpoint import BreakerLimits
from dean_airflow.store.circuits import Circuit

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIMITS = BreakerLimits()
CLOSED = Circuit("x")


def opened() -> Circuit:
    circuit = CLOSED
    for _ in range(5):
        circuit = rules.after_failure(circuit, LIMITS, NOW, "no", None) or circuit
    return circuit


def half_open() -> Circuit:
    probing = rules.start_probe(opened(), LIMITS, NOW + timedelta(seconds=60), "me", 10)
    assert probing is not None
    return probing


def test_five_failures_in_a_row_open_it() -> None:
    circuit = CLOSED
    for _ in range(4):
        circuit = rules.after_failure(circuit, LIMITS, NOW, "no", None) or circuit
        assert circuit.state == "closed"
    assert rules.after_failure(circuit, LIMITS, NOW, "no", None).state == "open"


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = CLOSED
    for _ in range(4):
        circuit = rules.after_failure(circuit, LIMITS, NOW, "no", None) or circuit
    circuit = rules.after_success(circuit, LIMITS, None)
    assert circuit.failures == 0
    assert rules.after_failure(circuit, LIMITS, NOW, "no", None).state == "closed"


@pytest.mark.parametrize(("later", "admission"), [(0, "refuse"), (59.9, "refuse"), (60, "probe"), (1000, "probe")])
def test_an_open_one_is_tried_again_after_a_minute(later: float, admission: str) -> None:
    assert rules.admit(opened(), LIMITS, NOW + timedelta(seconds=later)) == admission


def test_a_half_open_one_lets_one_probe_through() -> None:
    circuit = half_open()
    then = NOW + timedelta(seconds=61)
    assert rules.admit(circuit, LIMITS, then) == "refuse"
    assert rules.start_probe(circuit, LIMITS, then, "other", 10) is None


def test_a_probe_that_never_ended_is_given_up() -> None:
    assert rules.start_probe(half_open(), LIMITS, NOW + timedelta(seconds=70), "other", 10) is not None


def test_two_good_probes_close_it() -> None:
    circuit = rules.after_success(half_open(), LIMITS, "me")
    assert (circuit.state, circuit.successes, circuit.probe_by) == ("half_open", 1, None)
    again = rules.start_probe(circuit, LIMITS, NOW + timedelta(seconds=61), "you", 10)
    assert rules.after_success(again, LIMITS, "you").state == "closed"


def test_a_bad_probe_opens_it_for_another_minute() -> None:
    then = NOW + timedelta(seconds=62)
    circuit = rules.after_failure(half_open(), LIMITS, then, "still no", "me")
    assert (circuit.state, circuit.opened_at) == ("open", then)
    assert rules.admit(circuit, LIMITS, then + timedelta(seconds=59)) == "refuse"


@pytest.mark.parametrize("who", [None, "other"])
def test_only_the_probe_decides_over_a_half_open_one(who: str | None) -> None:
    assert rules.after_success(half_open(), LIMITS, who) is None
    assert rules.after_failure(half_open(), LIMITS, NOW, "late", who) is None


def test_a_probe_that_proved_nothing_leaves_its_place() -> None:
    circuit = rules.end_probe(half_open(), "me")
    assert circuit.state == "half_open" and rules.admit(circuit, LIMITS, NOW) == "probe"
    assert rules.end_probe(half_open(), "other") is None


def test_limits_from_the_command_line_win() -> None:
    circuit = replace(CLOSED, failure_limit=1, open_seconds=5.0)
    limits = rules.limits_of(circuit, LIMITS)
    assert (limits.failures, limits.open_seconds, limits.successes) == (1, 5.0, 2)


def test_one_opened_by_a_clock_that_was_an_hour_ahead_is_tried_now() -> None:
    assert rules.admit(replace(opened(), opened_at=NOW + timedelta(hours=1)), LIMITS, NOW) == "probe"


@pytest.mark.parametrize(
    "wrong", [{"failures": 0}, {"successes": 0}, {"open_seconds": 0}, {"open_seconds": float("nan")}]
)
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        BreakerLimits(**wrong)
