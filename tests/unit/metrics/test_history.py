"""The history in the store: what goes in comes out, as it was or rolled up, whatever happens meanwhile."""

from __future__ import annotations

import logging
import math
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dean_airflow.metrics.aggregate import roll_up
from dean_airflow.metrics.history import KEEP, History
from dean_airflow.metrics.sample import STALE, Sample, is_stale, labels_of, to_ms
from dean_airflow.metrics.series import Matcher
from dean_airflow.store.sample_chunks import HOUR, HOURS, MINUTE, MINUTES, RAW

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def sample(time: datetime, value: float, name: str = "latency", kind: str = "gauge", service: str = "a", **labels: str):
    return Sample(service, name, value, to_ms(time), labels_of(labels), kind)


def plain(points):
    return [(time, "stale" if is_stale(value) else value) for time, value in points]


def everything(history: History, **options):
    options = {"start": NOON - timedelta(hours=48), "end": NOON + timedelta(hours=48), **options}
    return history.select(**options)


@pytest.mark.parametrize("packed", [False, True])
def test_samples_come_back_exactly_and_in_order(history, packed):
    values = [0.1 + 0.2, math.inf, -math.inf, 5e-324, 1e308, STALE, 3.0]
    samples = [sample(NOON - timedelta(minutes=9 * place), value) for place, value in enumerate(values)]
    random.Random(1).shuffle(samples)
    assert history.append(samples).kept == len(samples)
    if packed:
        history.roll_up()
    (series,) = everything(history)
    assert plain(series.points) == plain((one.time, one.value) for one in sorted(samples, key=lambda one: one.time))


@pytest.mark.parametrize("pack_after", [(), (0,), (1,), (0, 1)])
def test_of_two_samples_at_one_time_the_first_stays(history, pack_after):
    for number, value in enumerate((1.0, 2.0)):
        history.append([sample(NOON, value)])
        if number in pack_after:
            history.pack()
    (series,) = everything(history)
    assert series.points == [(to_ms(NOON), 1.0)]


def test_series_are_told_apart_by_service_name_and_labels(history):
    given = [
        sample(NOON, 1, service="a", code="200"),
        sample(NOON, 2, service="b", code="200"),
        sample(NOON, 3, service="a", code="500"),
        sample(NOON, 4, service="a", name="other"),
        sample(NOON, 5, service="a"),
    ]
    history.append(given)
    found = everything(history, name="latency", service="a", matchers=[Matcher("code", "=~", "[25]00")])
    assert [(series.labels, series.points[0][1]) for series in found] == [
        ((("code", "200"),), 1),
        ((("code", "500"),), 3),
    ]
    assert [series.points[0][1] for series in everything(history, name="latency")] == [5, 1, 3, 2]


def test_another_process_sees_the_same_series(store, history):
    history.append([sample(NOON, 1)])
    History(store).append([sample(NOON + timedelta(seconds=1), 2)])
    (series,) = everything(history)
    assert [value for _, value in series.points] == [1, 2]
    assert store.series.count() == 1


def test_samples_too_old_or_too_far_ahead_are_left_out_and_counted(history):
    kept = history.append(
        [
            sample(NOON - KEEP[RAW], 1),
            sample(NOON - KEEP[RAW] - timedelta(milliseconds=1), 2),
            sample(NOON + timedelta(minutes=5), 3),
            sample(NOON + timedelta(minutes=5, milliseconds=1), 4),
        ]
    )
    assert (kept.kept, kept.left_out) == (2, {("a", "too_old"): 1, ("a", "in_future"): 1})


def test_a_label_that_takes_too_many_values_is_capped_and_its_service_named(store, caplog):
    history = History(store, series_at_most=10)
    history.append([sample(NOON, 1, service="quiet")])
    with caplog.at_level(logging.WARNING):
        kept = history.append([sample(NOON, 1, request=str(number)) for number in range(50)])
    assert (kept.kept, kept.left_out) == (10, {("a", "series_limit"): 40})
    assert "a has more than 10 series; 40 samples" in caplog.text
    later = NOON + timedelta(seconds=15)
    assert history.append([sample(later, 1, service="quiet"), sample(later, 1, request="3")]).kept == 2


def minute_by_minute(history: History, rng: random.Random, hours: int, clock, kind: str) -> list[Sample]:
    """Samples as a collector brings them: mostly in order, some late, some twice, some missing; a counter restarts."""
    value, given, held = 0.0, [], []
    start = clock.time
    for step in range(hours * 240):
        clock.time = start + timedelta(seconds=15 * step)
        value = rng.lognormvariate(0, 1) if kind == "gauge" else (0.0 if rng.random() < 0.01 else value + rng.random())
        one = sample(clock.time, STALE if rng.random() < 0.01 else value, kind=kind)
        if rng.random() < 0.05:
            continue
        (held if rng.random() < 0.1 else given).append(one)
        history.append([one] if one in given else [])
        if held and rng.random() < 0.02:
            late = held.pop(rng.randrange(len(held)))
            history.append([late, given[-1]])
            given.append(late)
        if step % 16 == 0:
            history.roll_up()
    clock.move(minutes=70)
    history.append(held)
    history.roll_up()
    return sorted([*given, *held], key=lambda one: one.time)


@pytest.mark.parametrize("kind", ["gauge", "counter"])
@pytest.mark.parametrize("seed", range(2))
def test_rollups_equal_recomputation_from_the_samples(store, history, clock, kind, seed):
    given = minute_by_minute(history, random.Random(seed), 3, clock, kind)
    points = [(one.time, one.value) for one in given]
    assert plain(everything(history)[0].points) == plain(points)

    (series,) = store.series.find()
    first, last = points[0][0] // HOUR * HOUR, points[-1][0]
    for tier, step in ((MINUTES, MINUTE), (HOURS, HOUR)):
        kept = store.samples.rollups(tier, [series.id], first, last)[series.id]
        expected = [(first + place * step, *figures) for place, *figures in roll_up(kind, points, first, step)]
        assert kept == expected
    assert store.samples.unsettled([series.id], first, last) == {}


@pytest.mark.parametrize("kind", ["gauge", "counter"])
def test_a_range_is_the_same_from_rollups_and_from_samples(store, history, clock, kind):
    given = minute_by_minute(history, random.Random(7), 2, clock, kind)
    history.append([sample(clock.time, 1.0, kind=kind)])
    start, end = given[0].time, to_ms(clock.time) + 1
    (by_minute,) = history.range(start=start, end=end, step=timedelta(minutes=1))
    points = [*((one.time, one.value) for one in given), (to_ms(clock.time), 1.0)]
    expected = [(place * MINUTE, *figures) for place, *figures in roll_up(kind, points, 0, MINUTE)]
    assert by_minute.rollups == expected


def test_no_growth_of_a_counter_is_lost_between_steps_tiers_and_gaps(history, clock):
    grown, value = 0.0, 0.0
    for minute in range(180):
        clock.time = NOON + timedelta(minutes=minute)
        if 60 < minute < 90:
            continue  # a gap: nobody collected
        value = 2.0 if minute == 120 else value + 5
        grown += 0 if minute == 0 else (2.0 if minute == 120 else 5.0)
        history.append([sample(clock.time, value, "requests_total", "counter")])
        history.roll_up()
    for step in (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=1)):
        (series,) = history.range(start=NOON, end=clock.time + timedelta(minutes=1), step=step)
        assert sum(value for _, value in series.increases()) == grown
    (series,) = history.range(start=NOON, end=clock.time, step=timedelta(minutes=1))
    assert not any(61 <= (time - to_ms(NOON)) // MINUTE < 90 for time, _ in series.increases())


def test_each_tier_is_kept_for_its_time_and_then_goes(store, history, clock):
    for day in range(0, 40):
        clock.time = NOON + timedelta(days=day)
        history.append([sample(clock.time, day)])
        clock.move(hours=2)
        history.roll_up()
    (known,) = store.series.find()
    everything = 0, to_ms(clock.time)
    assert [value for _, value in store.samples.points([known.id], *everything)[known.id]] == [38, 39]
    assert len(store.samples.rollups(MINUTES, [known.id], *everything)[known.id]) == 30
    assert len(store.samples.rollups(HOURS, [known.id], *everything)[known.id]) == 40
    (series,) = history.range(start=NOON, end=clock.time, step=timedelta(minutes=5))
    assert (series.step, len(series.rollups)) == (HOUR, 40)

    clock.move(days=400)
    history.purge()
    assert store.series.find() == []


def test_samples_that_are_not_rolled_up_are_not_purged(store, history, clock):
    history.append([sample(NOON, 1)])
    history.pack()
    clock.move(days=10)
    history.purge()
    history.roll_up()
    (series,) = history.range(start=NOON, end=NOON + timedelta(minutes=1), step=timedelta(minutes=1))
    assert series.averages() == [(to_ms(NOON), 1)]


@pytest.mark.parametrize("minutes", [60, 20])
def test_a_clock_that_jumps_and_comes_back_leaves_no_restarts_of_counters(history, clock, caplog, minutes):
    """While it was ahead, samples were written into what is now the future."""
    clock.time = NOON + timedelta(minutes=10)
    value = 1000.0
    for minute in range(90):
        if minute == 10:
            clock.move(minutes=minutes)
        if minute == 15:
            clock.move(minutes=-minutes)
        value += 1
        history.append([sample(clock.time, value, "requests_total", "counter")])
        history.roll_up()
        clock.move(minutes=1)
    (series,) = history.range(start=NOON, end=clock.time, step=timedelta(minutes=1))
    assert sum(grown for _, grown in series.increases()) == 89
    assert "The clock was set back: 5 samples" in caplog.text


def test_a_clock_that_jumps_back_and_comes_back_leaves_no_restarts_either(history, clock):
    for minute in range(200):
        if minute == 90:
            clock.move(hours=-1, seconds=17)
        if minute == 100:
            clock.move(hours=1)
        history.append([sample(clock.time, float(minute), "requests_total", "counter")])
        history.roll_up()
        clock.move(minutes=1)
    (series,) = history.range(start=NOON, end=clock.time, step=timedelta(hours=1))
    assert sum(grown for _, grown in series.increases()) == 199


def test_a_clock_that_is_a_day_behind_does_not_cost_the_history(history, clock):
    history.append([sample(NOON, 1)])
    clock.move(days=-1)
    history.append([sample(clock.time, 2)])
    history.roll_up()
    assert [value for _, value in everything(history)[0].points] == [2, 1]


def test_the_hour_that_summer_time_repeats_is_two_hours(history, clock):
    berlin = ZoneInfo("Europe/Berlin")
    clock.time = datetime(2030, 10, 27, 5, tzinfo=UTC)
    times = [datetime(2030, 10, 27, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1)]
    history.append([sample(time, number) for number, time in enumerate(times)])
    history.roll_up()
    (series,) = history.range(
        start=datetime(2030, 10, 27, tzinfo=berlin),
        end=datetime(2030, 10, 27, 4, tzinfo=berlin),
        step=timedelta(hours=1),
    )
    assert series.averages() == [(to_ms(datetime(2030, 10, 27, hour, tzinfo=UTC)), hour) for hour in (0, 1)]


def test_gaps_stay_gaps_and_staleness_is_no_value(history, clock):
    for minute, value in ((0, 1.0), (1, STALE), (3, 0.0)):
        history.append([sample(NOON + timedelta(minutes=minute), value)])
    (series,) = history.range(start=NOON, end=NOON + timedelta(minutes=5), step=timedelta(minutes=1))
    assert series.averages() == [(to_ms(NOON), 1.0), (to_ms(NOON) + 3 * MINUTE, 0.0)]


def test_a_step_that_is_too_short_is_refused(history):
    with pytest.raises(ValueError, match="one second is the shortest"):
        history.range(start=NOON, end=NOON + timedelta(hours=1), step=timedelta(milliseconds=1))


@pytest.mark.parametrize("duration", [timedelta(minutes=1), timedelta(hours=5), timedelta(days=7), timedelta(days=365)])
def test_a_range_without_a_step_has_as_many_points_as_a_chart_can_show(history, clock, duration):
    history.append([sample(NOON, 1)])
    (series,) = history.range(start=NOON - duration, end=NOON + timedelta(seconds=1))
    assert duration.total_seconds() * 1000 / series.step <= 500
