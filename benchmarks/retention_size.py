"""What 30 days of 300 series at 15 s take on disk with all tiers, in SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks._metric_history import SERIES, filled
from benchmarks.figure import Figure
from dean_airflow.store.maintenance import vacuum

DAYS = 30
TARGET = 300.0


def run(minutes: float | None) -> list[Figure]:
    """MB for 300 series. A shortened run makes fewer series and multiplies. Beside it the worst case: nothing but
    measurements of 17 random digits, of a fifth as many series, multiplied."""
    series = SERIES if minutes is None else max(8, min(SERIES, int(SERIES * minutes / 4)))
    mixed = _size(series)
    worst = _size(max(4, series // 5), ("noisy",))
    detail = {
        "days": DAYS,
        "series_made": series,
        "bytes": int(mixed * series),
        "all_17_digits_mb": round(worst * SERIES / 1e6, 1),
    }
    return [Figure("retention_size", round(mixed * SERIES / 1e6, 1), "MB", "lower", TARGET, detail)]


def _size(series: int, kinds: tuple[str, ...] | None = None) -> float:
    """Bytes a series."""
    options = {} if kinds is None else {"kinds": kinds}
    with (
        tempfile.TemporaryDirectory(prefix="dean-bench-") as folder,
        filled(Path(folder), DAYS, series, **options) as one,
    ):
        empty = _empty()
        vacuum(one._store)
        return (sum(file.stat().st_size for file in Path(folder).iterdir()) - empty) / series


def _empty() -> int:
    from dean_airflow.store.store import Store

    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        with Store.open(f"sqlite:///{Path(folder) / 'dean.db'}") as store:
            vacuum(store)
        return sum(file.stat().st_size for file in Path(folder).iterdir())
