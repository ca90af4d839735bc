"""How fast IndexAgent's server answers searches over 10,000 files, words that nearly every file has included."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks._code import code_repository
from benchmarks._served import Served, percentile, served
from benchmarks.figure import Figure
from dean_airflow.config import Settings
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.store.store import Store

FILES = 10_000
SEARCHES = 1_500
SHORTENED = 200
QUERIES = {
    "common": ("self", "return", "def", "import", "if", "in", "the", "None"),
    "usual": ("socket", "ValueError", "encoding", "append", "timeout", "isinstance"),
    "names": ("HTTPConnection", "OrderedDict", "TestCase", "parse_args", "ThreadPoolExecutor"),
    "several": ("raise ValueError", "for line in", "self return None", "unittest mock"),
    "none": ("zqxjkvbwy", "no such words at all qqq"),
}


def run(minutes: float | None) -> list[Figure]:
    """search_latency (p95, ms) over all kinds of queries."""
    searches = SEARCHES if minutes is None else SHORTENED
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        repository = code_repository(folder / "repository", FILES)
        settings = Settings(data_dir=folder / "dean")
        with Store.open(settings.store) as store:
            index = CodeIndex(settings, store)
            index.index(str(repository))
            index.close()
        with served("indexagent", settings.data_dir) as server:
            taken = asyncio.run(_search(server, searches))
    everything = [seconds for kind in taken.values() for seconds in kind]
    detail = {f"{kind}_p95_ms": round(1e3 * percentile(seconds, 0.95), 1) for kind, seconds in taken.items()}
    return [
        Figure(
            "search_latency",
            round(1e3 * percentile(everything, 0.95), 1),
            "ms",
            "lower",
            100,
            {"files": FILES, "searches": searches, **detail},
        )
    ]


async def _search(server: Served, searches: int) -> dict[str, list[float]]:
    rng = random.Random(1)
    taken: dict[str, list[float]] = {kind: [] for kind in QUERIES}
    async with aiohttp.ClientSession(headers=server.headers("bench")) as session:
        for number in range(searches):
            kind = list(QUERIES)[number % len(QUERIES)]
            began = time.perf_counter()
            async with session.post(server.url + "/search", json={"query": rng.choice(QUERIES[kind])}) as answer:
                body = await answer.json()
            taken[kind].append(time.perf_counter() - began)
            assert answer.status == 200, body
            assert bool(body["results"]) == (kind != "none"), body["query"]
    return taken
