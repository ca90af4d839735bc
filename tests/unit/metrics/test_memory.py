from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import STALE, Sample, from_ms, is_stale, labels_of, to_ms
from dean_airflow.metrics.series import Matcher

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sample(value: float, seconds: float = 0, name: str = "requests_total", service: str = "a", **labels: str) -> Sample:
    return Sample(service, name, value, to_ms(NOON) + int(seconds * 1000), labels_of(labels), "counter")


def read(history: MemoryHistory, **options):
    return history.select(**{"start": NOON - HOUR, "end": NOON + HOUR, **options})


def test_samples_come_back_in_order_whatever_order_they_came_in():
    history = MemoryHistory()
    history.append([sample(3, 30), sample(1, 10), sample(2, 20), sample(9, 20)])
    (series,) = read(history)
    assert [value for _, value in series.points] == [1, 2, 3]
    assert len(history) == 3


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (Matcher("code", "=", "200"), ["a"]),
        (Matcher("code", "!=", "200"), ["b", "c"]),
        (Matcher("code", "=", ""), ["c"]),
        (Matcher("code", "=~", "5.."), ["b"]),
        (Matcher("code", "=~", "5"), []),
        (Matcher("code", "!~", "5.."), ["a", "c"]),
        (Matcher("service", "=~", "a|c"), ["a", "c"]),
    ],
)
def test_matchers_select_as_in_promql(matcher, expected):
    history = MemoryHistory()
    history.append([sample(1, service="a", code="200"), sample(1, service="b", code="500"), sample(1, service="c")])
    assert [series.service for series in read(history, matchers=[matcher])] == expected


def test_a_matcher_that_is_no_regular_expression_is_refused():
    history = MemoryHistory()
    history.append([sample(1)])
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression"):
        read(history, matchers=[Matcher("code", "=~", "(")])


def test_both_ends_of_a_range_belong_to_it_and_empty_series_are_left_out():
    history = MemoryHistory()
    history.append([sample(1, 0), sample(2, 60), sample(3, 61), sample(1, 61, name="other")])
    (series,) = history.select(start=NOON, end=NOON + timedelta(seconds=60))
    assert series.points == [(to_ms(NOON), 1), (to_ms(NOON) + 60_000, 2)]


def test_staleness_is_neither_zero_nor_the_last_value():
    history = MemoryHistory()
    history.append([sample(0, 0), sample(STALE, 15)])
    (series,) = read(history)
    assert [is_stale(value) for _, value in series.points] == [False, True]


def test_what_is_older_than_the_retention_goes():
    history = MemoryHistory(keep=timedelta(minutes=10))
    history.append([sample(1, 0), sample(2, 599), sample(3, 601)])
    (series,) = read(history)
    assert [value for _, value in series.points] == [2, 3]


def test_memory_is_bounded():
    history = MemoryHistory(at_most=100)
    history.append(sample(number, number, service=f"s{number % 7}") for number in range(1000))
    assert len(history) <= 100
    assert max(point[1] for series in read(history) for point in series.points) == 999


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.timezones()))
def test_times_survive_to_the_millisecond_in_every_zone(time):
    assert from_ms(to_ms(time)) == time.astimezone(UTC).replace(microsecond=time.microsecond // 1000 * 1000)


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="needs an offset"):
        read(MemoryHistory(), start=datetime(2030, 1, 1))
