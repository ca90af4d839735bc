"""How fast IndexAgent indexes a repository of files of 3 kB, and how fast it sees that nothing has changed."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks._code import FILE_BYTES, code_repository
from benchmarks.figure import Figure
from dean_airflow.config import Settings
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.store.store import Store

FILES = 10_000
SHORTENED = 4_000


def run(minutes: float | None) -> list[Figure]:
    """index_speed (files/s, git's part included), index_again (ms for a repository that did not change)."""
    files = FILES if minutes is None else SHORTENED
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        repository = code_repository(folder / "repository", files)
        settings = Settings(data_dir=folder / "dean")
        with Store.open(settings.store) as store:
            index = CodeIndex(settings, store)
            began, used = time.perf_counter(), time.process_time()
            done = index.index(str(repository))
            seconds, used = time.perf_counter() - began, time.process_time() - used
            again = time.perf_counter()
            assert index.index(str(repository)).read == 0
            unchanged = time.perf_counter() - again
            index.close()
    assert done.read == done.total == files
    detail = {"files": files, "file_bytes": FILE_BYTES, "seconds": round(seconds, 2), "cpu_seconds": round(used, 2)}
    return [
        Figure("index_speed", round(files / seconds, 1), "files/s", "higher", 800, detail),
        Figure("index_again", round(1e3 * unchanged, 1), "ms", "lower", None, {"files": files}),
    ]
