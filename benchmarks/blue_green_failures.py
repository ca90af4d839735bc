"""Requests that are lost while releases follow each other blue/green, at 50 requests a second.

A tiny service, asked over a new connection each time, one in ten slowly; and this project's own IndexAgent and
Evolution servers, asked over kept connections as their clients do.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx

from benchmarks.figure import Figure
from dean_airflow.config import load_settings
from dean_airflow.deployment.deployer import Deployer, DeployRequest
from tests.deployments.shop import Shop, free_port

RATE = 50.0
CLIENTS = 10
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "deployment"


class Load:
    """Asks `RATE` times a second, from several clients, until it is stopped."""

    def __init__(self, urls: list[str], *, kept: bool) -> None:
        self.failed: list[str] = []
        self.answered = 0
        self.slowest = 0.0
        self._ended = threading.Event()
        self._urls, self._kept = urls, kept
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        client = httpx.Client(timeout=30)
        due = time.monotonic() + number / RATE
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += CLIENTS / RATE
            begun = time.monotonic()
            try:
                url = self._urls[number % len(self._urls)]
                (client.get(url) if self._kept else httpx.get(url, timeout=30)).raise_for_status()
                self.answered += 1
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - begun)
        client.close()


def run(minutes: float | None) -> list[Figure]:
    """blue_green_failures, blue_green_failures_servers: requests lost, of a tiny service and of the real servers."""
    with tempfile.TemporaryDirectory(prefix="dean-bench-") as folder:
        return [_tiny(Path(folder), 2 if minutes else 10), _servers(Path(folder), 1 if minutes else 3)]


def _tiny(folder: Path, times: int) -> Figure:
    shop = Shop(folder, ("web",))
    try:
        shop.describe("0", environment={"SLOW": "0.5"})
        assert shop.deploy()["success"]
        base = f"http://127.0.0.1:{shop.ports['web']}"
        seconds = []
        with Load([f"{base}/"] * 9 + [f"{base}/slow"], kept=False) as load:
            for number in range(1, times + 1):
                shop.describe(str(number), environment={"SLOW": "0.5"})
                seconds.append(_timed(lambda: shop.deploy()["success"]))
    finally:
        shop.down()
    detail = {**_detail(load, times), "deployment_s": round(median(seconds), 2)}
    return Figure("blue_green_failures", len(load.failed), "requests", "lower", 0, detail)


def _servers(folder: Path, times: int) -> Figure:
    directory = folder / "examples" / "deployment"
    shutil.copytree(EXAMPLE, directory)
    ports = [free_port(), free_port()]
    (directory / ".env").write_text(f"INDEXAGENT_PORT={ports[0]}\nEVOLUTION_PORT={ports[1]}\n")
    (directory / ".env").chmod(stat.S_IRUSR | stat.S_IWUSR)
    script = directory / "serve.sh"
    unlimited = "export AIRFLOW__DEAN__SERVER_REQUESTS_PER_MINUTE=0\n"  # all of them come from one address
    script.write_text(script.read_text().replace("set -eu\n", f"set -eu\n{unlimited}"))
    deployer = Deployer(load_settings({"AIRFLOW_HOME": str(folder / "servers")}))
    request = DeployRequest(str(directory), probes=False)
    try:
        assert deployer.deploy(request)["success"]
        with Load([f"http://127.0.0.1:{port}/health" for port in ports], kept=True) as load:
            for number in range(times):
                script.write_text(f"{script.read_text()}# release {number}\n")
                assert deployer.deploy(request)["success"]
    finally:
        deployer.down(str(directory), destructive=True)
    return Figure("blue_green_failures_servers", len(load.failed), "requests", "lower", 0, _detail(load, times))


def _timed(work: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    assert work()
    return time.perf_counter() - begun


def _detail(load: Load, times: int) -> dict[str, object]:
    return {
        "handovers": times,
        "answered": load.answered,
        "slowest_s": round(load.slowest, 2),
        "failed": load.failed[:5],
    }
