"""A history as an installation has it after weeks: written by the store's own packing, without waiting for weeks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dean_airflow.metrics.aggregate import roll_up
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, labels_of, to_ms
from dean_airflow.store.packing import Point, pack_points, pack_rollups
from dean_airflow.store.sample_chunks import HOUR, HOURS, MINUTE, MINUTES, RAW, WEEK
from dean_airflow.store.store import Store

SERIES = 300
STEP = 15_000
END = datetime(2030, 3, 1, 12, 20, tzinfo=UTC)
"""In the middle of an hour, so that there is one that is not rolled up."""
KINDS = ("counter", "noisy", "whole", "steady")
"""Of every four series: requests counted; latencies of 17 digits; the length of a queue; a state. As services tell."""


class Values:
    """One series' next values."""

    def __init__(self, kind: str, seed: int) -> None:
        self.kind, self.rng = kind, random.Random(seed)
        self.last = 0.0

    def hour(self, start: int) -> list[Point]:
        draw = self.rng.random
        if self.kind == "counter":
            values = []
            for _ in range(HOUR // STEP):
                self.last += int(draw() * 400)
                values.append(self.last)
        elif self.kind == "noisy":
            values = [0.02 + draw() * draw() for _ in range(HOUR // STEP)]
        elif self.kind == "whole":
            values = [float(int(draw() * 40)) for _ in range(HOUR // STEP)]
        else:
            values = [float(draw() > 0.01) for _ in range(HOUR // STEP)]
        return [(start + STEP * place + int(draw() * 20), value) for place, value in enumerate(values)]


@contextmanager
def filled(folder: Path, days: int, series: int = SERIES, kinds: tuple[str, ...] = KINDS) -> Iterator[History]:
    """A store at the end of so many days of samples: full for two days, rolled up by minute and hour before."""
    with Store.open(f"sqlite:///{folder / 'dean.db'}", now=lambda: END) as store:
        history = History(store)
        now = to_ms(END)
        end = now // HOUR * HOUR
        start = end - days * 24 * HOUR
        made = [Values(kinds[number % len(kinds)], number) for number in range(series)]
        keys = [_key(number, one.kind) for number, one in enumerate(made)]
        history.append(
            [Sample(*key[:2], one.hour(end)[0][1], now, *key[2:]) for key, one in zip(keys, made, strict=True)]
        )
        history.pack()
        ids = {known.labels: known.id for known in store.series.find()}
        raw_from = now - 48 * HOUR
        for key, one in zip(keys, made, strict=True):
            _fill(store, ids[key[2]], key[3], one, range(start, end, HOUR), raw_from)
        _open_hour(history, keys, made, end, now)
        yield history


def _fill(store: Store, series_id: int, kind: str, values: Values, hours: range, raw_from: int) -> None:
    raw, minutes = [], []
    weeks: dict[int, list[tuple[int, int, float, float, float]]] = {}
    for start in hours:
        points = values.hour(start)
        if start >= raw_from - HOUR:
            raw.append((series_id, start, pack_points(points, start)))
        minutes.append((series_id, start, pack_rollups(roll_up(kind, points, start, MINUTE))))
        week = start // WEEK * WEEK
        ((_, *figures),) = roll_up(kind, points, start, HOUR)
        weeks.setdefault(week, []).append(((start - week) // HOUR, *figures))  # type: ignore[arg-type]
    samples = store.samples

    def work(session: object) -> None:
        samples._put(session, RAW, True, raw)  # type: ignore[arg-type]
        samples._put(session, MINUTES, True, minutes)  # type: ignore[arg-type]
        samples._put(session, HOURS, True, [(series_id, week, pack_rollups(hours)) for week, hours in weeks.items()])  # type: ignore[arg-type]

    store.database.write(work)


def _open_hour(history: History, keys: list, made: list[Values], start: int, end: int) -> None:  # type: ignore[type-arg]
    """The hour that goes on: packed but for its last minutes, as a collector leaves it."""
    late = end - int(timedelta(minutes=2).total_seconds() * 1000)
    for packed in (True, False):
        samples = [
            Sample(key[0], key[1], value, time, key[2], key[3])
            for key, one in zip(keys, made, strict=True)
            for time, value in one.hour(start)
            if time < end and (time < late) == packed
        ]
        history.append(samples)
        if packed:
            history.pack()


def _key(number: int, kind: str) -> tuple[str, str, tuple[tuple[str, str], ...], str]:
    name = "shop_requests_total" if kind == "counter" else "shop_figure"
    return "shop", name, labels_of({"n": str(number)}), "counter" if kind == "counter" else "gauge"
