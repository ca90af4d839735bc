"""How many samples a second the history takes, packing included, until each batch is on disk."""

from __future__ import annotations

import os
import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from benchmarks.figure import Figure
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, labels_of, to_ms
from dean_airflow.store.store import Store

SERIES = 300
ROUNDS_A_BATCH = 30
"""Of all series: 9,000 samples a batch, as after an outage of the store. Each batch is one commit."""
SECONDS = 20.0
TARGETS = {"sqlite": 50_000, "postgres": 100_000}
START = datetime(2030, 1, 1, tzinfo=UTC)


def run(minutes: float | None) -> list[Figure]:
    """ingest_sqlite, and ingest_postgres where DEAN_TEST_POSTGRES names a server."""
    seconds = SECONDS if minutes is None else max(2.0, 20 * minutes)
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        figures = [_measure("sqlite", f"sqlite:///{Path(folder) / 'dean.db'}", seconds)]
    if os.environ.get("DEAN_TEST_POSTGRES"):
        with _schema(os.environ["DEAN_TEST_POSTGRES"]) as url:
            figures.append(_measure("postgres", url, seconds))
    return figures


def _measure(kind: str, url: str, seconds: float) -> Figure:
    clock = [START]
    with Store.open(url, now=lambda: clock[0]) as store:
        history = History(store)
        batches = _batches(clock)
        history.append(next(batches))  # the series are made
        count, taken, packing = 0, 0.0, 0.0
        while taken < seconds:
            batch = next(batches)
            begun = time.perf_counter()
            kept = history.append(batch)
            taken += time.perf_counter() - begun
            count += kept.kept
        begun = time.perf_counter()
        history.roll_up()
        packing = time.perf_counter() - begun
        (first, *_) = store.samples.points([store.series.find()[0].id], 0, 2**50).values()
        assert len(first) * SERIES == count + SERIES * ROUNDS_A_BATCH
    detail: dict[str, Any] = {
        "samples": count,
        "batch": SERIES * ROUNDS_A_BATCH,
        "series": SERIES,
        "roll_up_of_all_seconds": round(packing, 2),
        "with_rolling_up": round(count / (taken + packing)),
    }
    return Figure(f"ingest_{kind}", round(count / taken), "samples/s", "higher", TARGETS[kind], detail)


def _batches(clock: list[datetime]) -> Iterator[list[Sample]]:
    """As a collector brings them: all series, round after round; 5 s apart, so that none grows too old to be kept."""
    rng = random.Random(1)
    labels = [labels_of({"n": str(number)}) for number in range(SERIES)]
    while True:
        samples = []
        for _ in range(ROUNDS_A_BATCH):
            clock[0] += timedelta(seconds=5)
            at = to_ms(clock[0])
            samples += [Sample("shop", "shop_figure", rng.random(), at, one) for one in labels]
        yield samples


@contextmanager
def _schema(server: str) -> Iterator[str]:
    base = make_url(server).set(drivername="postgresql+psycopg2")
    name = f"dean_bench_{secrets.token_hex(6)}"
    engine = create_engine(base, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
        try:
            yield base.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()
