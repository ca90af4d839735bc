"""What may be said of counters, gauges and histograms over a stretch of time."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dean_airflow.metrics.aggregate import SeriesRange, growth, merge, roll_up, total
from dean_airflow.metrics.history import History
from dean_airflow.metrics.quantiles import quantiles
from dean_airflow.metrics.sample import STALE, Sample, to_ms
from dean_airflow.metrics.series import Matcher, SeriesKey

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
counts = st.integers(min_value=0, max_value=10**6).map(float)


@pytest.mark.parametrize(
    ("values", "grown"),
    [([], 0), ([5], 0), ([5, 9], 4), ([5, 9, 2], 6), ([5, 0, 0, 3], 3), ([0, 0], 0), ([9, 9, 1, 9, 1], 10)],
)
def test_a_counter_that_falls_has_restarted_from_zero(values, grown):
    assert growth(values) == grown


@given(st.lists(counts, min_size=1, max_size=60), st.data())
def test_growth_does_not_depend_on_where_it_is_cut(values, data):
    points = list(enumerate(values))
    step = data.draw(st.integers(min_value=1, max_value=20))
    parts = roll_up("counter", points, 0, step)
    assert merge("counter", parts)[4] == growth(values)
    series = SeriesRange(SeriesKey("a", "x_total"), "counter", step, [(one[0] * step, *one[1:]) for one in parts])
    assert sum(grown for _, grown in series.increases()) == growth(values)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=40), st.data())
def test_a_gauge_in_parts_is_the_gauge_as_a_whole(values, data):
    step = data.draw(st.integers(min_value=1, max_value=20))
    _, count, low, high, summed = merge("gauge", roll_up("gauge", list(enumerate(values)), 0, step))
    assert (count, low, high) == (len(values), min(values), max(values))
    assert math.isclose(summed, math.fsum(values), rel_tol=1e-9, abs_tol=1e-6 * max(map(abs, values)) + 1e-300)


@pytest.mark.parametrize("values", [[math.inf, 1.0], [math.inf, -math.inf], [1e308, 1e308]])
def test_infinities_do_not_break_a_sum(values):
    assert not math.isfinite(total(values))


def buckets(service: str, *grown: float) -> list[SeriesRange]:
    """One step of a histogram whose cumulated buckets grew by so much."""
    found = []
    for bound, one in zip(("0.1", "1", "+Inf"), grown, strict=True):
        rollups = [(0, 1, 0.0, 0.0, 0.0), (60, 1, float(one), float(one), 0.0)]
        found.append(SeriesRange(SeriesKey(service, "wait_bucket", (("le", bound),)), "histogram", 60, rollups))
    return found


def test_quantiles_come_from_all_buckets_together_and_are_no_mean_of_quantiles():
    quick, slow = buckets("a", 99, 99, 99), buckets("b", 0, 1, 1)
    (alone,) = [value for time, value in quantiles(0.5, slow) if time == 60]
    (together,) = [value for time, value in quantiles(0.5, [*quick, *slow]) if time == 60]
    assert alone == pytest.approx(0.55)
    assert together == pytest.approx(0.1 * 50 / 99)


def test_a_step_without_an_observation_has_no_quantile():
    assert quantiles(0.5, buckets("a", 0, 0, 0)) == []


def test_what_has_no_bound_is_no_bucket():
    with pytest.raises(ValueError, match="wait is no bucket of a histogram"):
        quantiles(0.5, [SeriesRange(SeriesKey("a", "wait"), "histogram", 60, [(0, 1, 0.0, 0.0, 0.0)])])


_numbers = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 3 * 3600), st.one_of(st.just(STALE), counts)),
            st.just("pack"),
            st.just("roll up"),
        ),
        max_size=60,
    )
)
def test_whatever_comes_in_whatever_order_is_kept_and_rolled_up_exactly(store, clock, steps):
    """Late, twice, stale, with packing and settling at any moment in between."""
    clock.time = NOON + timedelta(hours=5)
    number = str(next(_numbers))
    history, expected = History(store), {}
    for step in steps:
        if step == "pack":
            history.pack()
        elif step == "roll up":
            history.roll_up()
        else:
            at = to_ms(NOON) + 1000 * step[0]
            history.append([Sample("a", "x_total", step[1], at, (("n", number),), "counter")])
            expected.setdefault(at, step[1])
    matchers = [Matcher("n", "=", number)]
    points = sorted(expected.items())
    found = history.select("x_total", start=NOON, end=clock.time, matchers=matchers)
    assert [repr(point) for series in found for point in series.points] == [repr(point) for point in points]
    for length in (timedelta(minutes=1), timedelta(hours=1)):
        ms = int(length.total_seconds() * 1000)
        rolled = [(place * ms, *figures) for place, *figures in roll_up("counter", points, 0, ms)]
        ranges = history.range("x_total", start=NOON, end=clock.time, step=length, matchers=matchers)
        assert [rollup for one in ranges for rollup in one.rollups] == rolled
