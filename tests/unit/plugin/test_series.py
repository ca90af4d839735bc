"""Series over HTTP: which there are, and how they went, brought down to what a chart can show."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, to_ms
from tests.unit.plugin.conftest import Plugin

pytestmark = pytest.mark.airflow

VALUES = "/api/v1/series/values"


@pytest.fixture
def at(plugin: Plugin) -> int:
    """Now, in ms; an hour of a gauge every second and of a counter every ten, both of two services."""
    now = to_ms(plugin.store.now())
    samples = [
        Sample(service, "load", float(second % 100), now - 1000 * second)
        for service in ("a", "b")
        for second in range(3600)
    ]
    samples += [
        Sample(service, "calls_total", float(3600 - second), now - 1000 * second, type="counter")
        for service in ("a", "b")
        for second in range(0, 3600, 10)
    ]
    History(plugin.store).append(samples)
    return now


def test_the_names_and_the_series(plugin: Plugin, at: int) -> None:
    names = plugin.get("/api/v1/metrics/names").json()
    assert [(one["name"], one["type"], one["services"]) for one in names["metrics"]] == [
        ("calls_total", "counter", ["a", "b"]),
        ("load", "gauge", ["a", "b"]),
    ]
    series = plugin.get("/api/v1/series", q="LOAD", limit=1, offset=1).json()
    assert (series["total"], [one["service"] for one in series["series"]]) == (2, ["b"])


def test_a_gauge_keeps_its_extremes(plugin: Plugin, at: int) -> None:
    found = plugin.get(VALUES, name="load", service="a", points=50).json()

    points = found["series"][0]["points"]
    assert (found["total"], found["series"][0]["shows"]) == (1, "average")
    assert 30 <= len(points) <= 51
    assert min(point[2] for point in points) == 0
    assert max(point[3] for point in points) == 99
    assert all(low <= mean <= high for _, mean, low, high in points)


def test_a_counter_is_shown_by_its_growth(plugin: Plugin, at: int) -> None:
    points = plugin.get(VALUES, name="calls_total", service="a", points=50).json()["series"][0]["points"]

    assert points[len(points) // 2][1] == pytest.approx(1.0, rel=0.2)
    assert points[0][2:] == [None, None]


def test_many_series_share_the_points(plugin: Plugin) -> None:
    now = to_ms(plugin.store.now())
    History(plugin.store).append(
        [
            Sample(f"s{number:02}", "load", 1.0, now - 1000 * second)
            for number in range(30)
            for second in range(0, 3000, 5)
        ]
    )

    found = plugin.get(VALUES, name="load", points=2000).json()

    assert (found["total"], len(found["series"])) == (30, 20)
    assert sum(len(one["points"]) for one in found["series"]) <= 2020


@pytest.mark.slow
def test_a_million_points_are_two_thousand_at_most_and_hide_nothing(plugin: Plugin) -> None:
    now = to_ms(plugin.store.now())
    history = History(plugin.store)
    begin = now - 150_000_000
    spike = begin + 777_777 * 150
    for first in range(0, 1_000_000, 50_000):
        history.append(
            [
                Sample("a", "load", 1000.0 if begin + 150 * one == spike else one % 7, begin + 150 * one)
                for one in range(first, first + 50_000)
            ]
        )
    history.roll_up()

    found = plugin.get(VALUES, name="load", since="42h", points=2000).json()["series"][0]["points"]

    assert 1000 <= len(found) <= 2001
    assert max(point[3] for point in found) == 1000
    assert sum(point[3] == 1000 for point in found) == 1
    mean = sum(point[1] for point in found) / len(found)
    assert mean == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": ""},
        {"name": "load", "since": "soon"},
        {"name": "load", "match": ["?"]},
        {"name": "load", "points": 2001},
        {"name": "load", "limit": 21},
        {"name": "load", "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        {"name": "load", "start": "2026-01-02T00:00:00"},
        {"name": "load", "match": ["a=~("]},
        {"name": "load", "since": "99999999999w"},
    ],
)
def test_what_cannot_be_asked_is_422(plugin: Plugin, wrong: dict[str, object]) -> None:
    answer = plugin.get(VALUES, **wrong)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


def test_an_unknown_series_is_an_empty_list(plugin: Plugin, at: int) -> None:
    assert plugin.get(VALUES, name="nothing").json()["series"] == []


def test_a_range_from_start_to_end(plugin: Plugin, at: int) -> None:
    now = plugin.store.now()
    start, end = now - timedelta(minutes=30), now - timedelta(minutes=20)

    found = plugin.get(VALUES, name="load", service="a", start=start.isoformat(), end=end.isoformat()).json()

    times = [point[0] for point in found["series"][0]["points"]]
    assert start.timestamp() - 2 <= times[0]
    assert times[-1] < end.timestamp()
