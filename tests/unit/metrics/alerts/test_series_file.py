from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.errors import RulesError
from dean_airflow.metrics.alerts.durations import LONGEST, format_duration, parse_duration
from dean_airflow.metrics.alerts.series_file import format_values, parse_series, parse_series_file, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 2.5 -3", [1, 2.5, -3]),
        ("5x3", [5, 5, 5, 5]),
        ("0+10x3 _ 7-2x2", [0, 10, 20, 30, None, 7, 5, 3]),
        ("_x3 1e3", [None, None, None, 1000]),
        ("", []),
    ],
)
def test_the_notation_of_promtool(text: str, values: list[float | None]) -> None:
    assert parse_values(text) == values


def test_stale_is_not_a_number() -> None:
    assert math.isnan(parse_values("stale")[0])


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=False))))
def test_what_is_written_is_read_back(values: list[float | None]) -> None:
    again = parse_values(format_values(values))

    assert [None if v is None else repr(v) for v in again] == [None if v is None else repr(v) for v in values]


@given(st.integers(min_value=0, max_value=LONGEST))
def test_a_duration_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1s1m", "-5m", "400d", "1.5h", "5M"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


def test_labels_may_hold_anything() -> None:
    assert parse_series(r'a:b{service="od\"d\\one", x="}{,="}') == ("a:b", {"service": 'od"d\\one', "x": "}{,="})


def test_every_mistake_is_said_with_its_line() -> None:
    text = (
        "interval: soon\nseries:\n  - series: 'a{'\n    values: 1 2\n  - series: b\n    values: 1 two\n  - values: 1\n"
    )

    with pytest.raises(RulesError) as raised:
        parse_series_file(text, "s.yaml")

    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "s.yaml line 1",
        "s.yaml line 3",
        "s.yaml line 6",
        "s.yaml line 7",
    ]


def test_the_series_as_samples() -> None:
    file = parse_series_file(
        "interval: 15s\nseries:\n  - {series: 'up{service=\"a\",k=\"v\"}', values: '1 _ 0'}\n", "s.yaml"
    )

    (series,) = file.reader().select("up", start=0, end=file.end)
    assert (series.service, series.labels, series.points) == ("a", (("k", "v"),), [(0, 1.0), (30_000, 0.0)])
