"""What holds for any series and any clock."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dean_airflow.metrics.alerts.functions import increase, quantile_of_buckets
from dean_airflow.metrics.alerts.judging import judge, measure
from dean_airflow.metrics.alerts.offline import replay
from dean_airflow.metrics.alerts.rules_file import parse_rules
from dean_airflow.metrics.alerts.watch import AHEAD, watch
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import Sample, from_ms, to_ms
from dean_airflow.store.alerts import AlertClock, AlertRecord
from dean_airflow.testing.alert_cases import alert_case

MINUTE = 60_000
NOON = 1_900_000_000_000

WATCHED = parse_rules("""
groups:
  - name: services
    rules:
      - {alert: Down, metric: up, below: 1, for: 2m, keep_firing_for: 2m}
      - {alert: Errors, metric: errors_total, measure: increase, window: 5m, above: 70}
      - {alert: Busy, metric: busy, measure: average, window: 10m, above: 0.8, for: 1m}
      - {alert: Idle, metric: busy, measure: maximum, window: 3m, below: 0.2}
""").rules
assert WATCHED is not None


@given(seed=st.integers(0, 10_000), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_samples_out_of_order_and_twice_change_no_verdict(seed: int, shuffle: random.Random) -> None:
    case = alert_case(seed)
    ordered = case.series.reader()
    samples = [
        Sample(series.service, series.name, value, time, series.labels)
        for series in ordered.select(start=0, end=case.series.end)
        for time, value in series.points
    ]
    twice = samples + shuffle.sample(samples, len(samples) // 3)
    # Of two samples of one time the first stays: the second ones say something else, and must not be heard.
    first, again = twice[: len(samples)], [_other(sample) for sample in twice[len(samples) :]]
    shuffle.shuffle(first)
    messy = MemoryHistory(at_most=10_000_000)
    messy.append(first)
    messy.append(again)

    assert _verdicts(case.rules, messy, case.series.end) == _verdicts(case.rules, ordered, case.series.end)


@given(st.lists(st.integers(-1, 50), min_size=2, max_size=40))
def test_restarts_of_a_counter_are_taken_out(steps: Sequence[int]) -> None:
    """-1 is a restart; each other step is what is counted in a minute."""
    count, grown, points = 0.0, 0.0, []
    for minute, step in enumerate(steps):
        count = 0.0 if step < 0 else count + step
        grown += max(step, 0) if minute else 0
        points.append((minute * MINUTE, count))

    found = increase(points, 0, (len(steps) - 1) * MINUTE)

    assert found is not None
    # Of what was counted next to a restart a part is not known; what is known is neither exceeded nor negative.
    assert 0 <= found <= grown + 1e-6
    if -1 not in steps:
        assert abs(found - grown) < 1e-6


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=8),
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8, unique=True),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
)
def test_a_higher_quantile_is_never_lower(counts, bounds, one, other) -> None:
    bounds = [*sorted(bounds), float("inf")]
    cumulated = [sum(counts[: index + 1]) for index in range(len(bounds))]
    low, high = (quantile_of_buckets(q, list(zip(bounds, cumulated, strict=True))) for q in sorted((one, other)))

    assert low <= high or (low != low and high != high)


@given(
    st.lists(
        st.tuples(st.integers(1, 15), st.one_of(st.sampled_from([-60, 60, -3, 3, 7, 1440]), st.integers(-90, 90))),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_no_clock_makes_an_alert_of_what_is_well_nor_ends_one_of_what_is_not(spells: Sequence[tuple[int, int]]) -> None:
    """So many evaluations a minute apart; then the clock is set by so many minutes, or nobody watches; and again."""
    steps = [step for calm, jump in spells for step in (*[1] * calm, jump)] + [1] * 10
    now, count = NOON, 0.0
    history = MemoryHistory(keep=timedelta(days=30))
    alerts: dict[str, AlertRecord] = {}
    clock: AlertClock | None = None
    fired: list[tuple[str, str]] = []
    for step in steps:
        now += step * MINUTE
        count += 1
        history = _without_the_future(history, now)
        history.append(
            [
                Sample("well", "up", 1, now),
                Sample("well", "busy", 0.5, now),
                Sample("well", "errors_total", 10 * count, now),
                Sample("ill", "up", 0, now),
                Sample("ill", "busy", 0.9, now),
                Sample("ill", "errors_total", 100 * count, now),
            ]
        )
        place = watch(clock, from_ms(now))
        judged = judge(WATCHED, measure(WATCHED, history, now), alerts, place)
        alerts, clock = judged.alerts, place.clock
        assert {change.state for change in judged.changes} <= {"firing"}
        fired += [(change.alert.rule, change.alert.labels["service"]) for change in judged.changes]

    assert {service for _, service in fired} <= {"ill"}
    assert len(fired) == len(set(fired))


def _without_the_future(history: MemoryHistory, now: int) -> MemoryHistory:
    """As the history in the store does when it is rolled up."""
    kept = MemoryHistory(keep=timedelta(days=30))
    for series in history.select(start=0, end=now + to_ms(AHEAD + from_ms(0))):
        kept.append(Sample(series.service, series.name, value, time, series.labels) for time, value in series.points)
    return kept


def _other(sample: Sample) -> Sample:
    return Sample(sample.service, sample.name, sample.value + 1000, sample.time, sample.labels)


def _verdicts(rules, reader, end) -> list[list[tuple[str, str]]]:
    return [
        sorted((alert.fingerprint, alert.state) for alert in step.alerts)
        for step in replay(rules, reader, 0, end, MINUTE)
    ]
