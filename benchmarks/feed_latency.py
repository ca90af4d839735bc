"""How soon 200 sockets, and a page in a real browser, hear of evaluations that a trial writes 200 of a second."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks._airflow import REPOSITORY_ROOT, PrivateAirflow
from benchmarks._feed_stack import feed_server, open_sockets, stores
from benchmarks._served import percentile
from benchmarks.figure import Figure
from dean_airflow.store.store import Store
from tests.integration.browser.chromium import ARGUMENTS, find_chromium
from tests.integration.live_feed.servers import open_trial, store_url

SUBSCRIBERS = 200
RATE = 200.0
SECONDS = 30.0
TRIAL = "trial-00000000fa9e"
PATIENCE = 15.0
_POSITION = re.compile(r'"position":"[0-9a-f]+(?:\.\d+)+?\.([\d:,]+:\d+)"')
_PAGE = """
async (topic) => {
  const { follow } = await import("/dean/static/feed.js");
  window.heard = [];
  follow([topic], { onFrame: ({ position }) => window.heard.push([position ?? "", Date.now() / 1000]) });
}
"""

Heard = list[tuple[str, float]]
"""How many evaluations of each island a client knew of, as positions say it, and when it came to know."""
Written = dict[int, list[float]]
"""When the evaluations of each island were committed."""


def run(minutes: float | None) -> list[Figure]:
    """feed_latency, on SQLite, and feed_latency_postgresql (p95 from commit to client, ms); feed_lost_<store>
    (evaluations not heard of)."""
    seconds = SECONDS if minutes is None else max(5.0, min(SECONDS, 20 * minutes))
    figures = []
    for kind, url in stores():
        with feed_server(url) as airflow, tempfile.TemporaryDirectory() as folder:
            figures += _measure(kind.lower(), airflow, seconds, Path(folder) / "times")
    return figures


def _measure(kind: str, airflow: PrivateAirflow, seconds: float, times: Path) -> list[Figure]:
    url = store_url(airflow)
    with Store.open(url) as store:
        open_trial(store, TRIAL)
    clients, page = asyncio.run(_listen(airflow, url, seconds, times))
    written: Written = defaultdict(list)
    for line in times.read_text().splitlines():
        island, moment = line.split()
        written[int(island)].append(float(moment))
    count = sum(map(len, written.values()))
    latencies = [late for heard in clients for late in _latencies(heard, written)]
    expected = len(clients) * count
    in_browser = _latencies(page, written)
    detail: dict[str, Any] = {
        "subscribers": len(clients),
        "evaluations": count,
        "evaluations_per_second": round(count / seconds, 1),
        "frames_per_second": round(sum(map(len, clients)) / len(clients) / seconds, 1),
        "p50_ms": round(1e3 * percentile(latencies, 0.5), 1),
        "max_ms": round(1e3 * max(latencies), 1),
    }
    if in_browser:
        detail["browser_p95_ms"] = round(1e3 * percentile(in_browser, 0.95), 1)
        detail["browser_lost"] = count - len(in_browser)
    p95 = round(1e3 * percentile(latencies, 0.95), 1)
    name = "feed_latency" if kind == "sqlite" else f"feed_latency_{kind}"  # SQLite is what everybody has
    return [
        Figure(name, p95, "ms", "lower", 500, detail),
        Figure(f"feed_lost_{kind}", expected - len(latencies), "evaluations", "lower", 0),
    ]


async def _listen(airflow: PrivateAirflow, url: str, seconds: float, times: Path) -> tuple[list[Heard], Heard]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sockets = await open_sockets(session, airflow, SUBSCRIBERS, f"trial:{TRIAL}")
        heard: list[Heard] = [[] for _ in sockets]
        tasks = [asyncio.create_task(_hear(socket, known)) for socket, known in zip(sockets, heard, strict=True)]
        async with _Page(airflow) as page:
            arguments = [url, TRIAL, str(RATE), str(seconds), str(times)]
            producer = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks._feed_producer", *arguments,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY_ROOT,
            )  # fmt: skip
            assert producer.stdout is not None
            await producer.stdout.readline()
            await producer.communicate(b"go\n")
            assert producer.returncode == 0
            await asyncio.wait(tasks, timeout=PATIENCE)
            in_browser = await page.heard()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in sockets))
    return heard, in_browser


async def _hear(socket: aiohttp.ClientWebSocketResponse, known: Heard) -> None:
    """Until it hears that the trial has ended."""
    async for message in socket:
        if match := _POSITION.search(message.data[:300]):
            known.append((match[1], time.time()))
        if '"status":"completed"' in message.data:
            return


class _Page:
    """A page that follows the trial, where a browser is installed."""

    def __init__(self, airflow: PrivateAirflow) -> None:
        self._airflow = airflow
        self._page: Any = None

    async def __aenter__(self) -> _Page:
        if find_chromium() is None:
            return self
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        context = await self._browser.new_context(base_url=self._airflow.url)
        await context.add_cookies([{"name": "_token", "value": self._airflow.token(), "url": self._airflow.url}])
        self._page = await context.new_page()
        await self._page.goto("/dean/api/v1/services/status")
        await self._page.evaluate(_PAGE, f"trial:{TRIAL}")
        await self._page.wait_for_function("() => window.heard.length > 0")
        return self

    async def heard(self) -> Heard:
        if self._page is None:
            return []
        found = await self._page.evaluate("window.heard")
        matches = [(_POSITION.search(f'"position":"{position}"'), when) for position, when in found]
        return [(match[1], when) for match, when in matches if match]

    async def __aexit__(self, *error: object) -> None:
        if self._page is not None:
            await self._browser.close()
            await self._playwright.stop()


def _latencies(heard: Heard, written: Written) -> list[float]:
    """Of every evaluation that was heard of, the seconds from its commit; never negative."""
    found: list[float] = []
    told: dict[int, int] = defaultdict(int)
    for counts, when in heard:
        for island, count in (map(int, part.split(":")) for part in counts.split(",")):
            found += [max(0.0, when - commit) for commit in written[island][told[island] : count]]
            told[island] = max(told[island], count)
    return found
