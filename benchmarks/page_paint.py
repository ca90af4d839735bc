"""How heavy a page is, and how soon something is painted: a real browser, a real api-server, the heaviest page."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._airflow import PrivateAirflow
from benchmarks.figure import Figure
from dean_airflow.store.store import Store
from tests.integration.browser.chromium import chromium, find_chromium
from tests.integration.browser.filled import DEPLOYED, IMPROVED, fill
from tests.integration.browser.reader import Reader

VISITS = 10
PAGES = {
    "overview": "/dashboard",
    "trial": f"/dashboard/trials/{IMPROVED}",
    "metrics": "/dashboard/metrics",
    "deployment": f"/dashboard/deployments/{DEPLOYED}",
}
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_WEIGHT = """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
    .reduce((sum, one) => sum + one.transferSize, 0) / 1024"""


def run(minutes: float | None) -> list[Figure]:
    """page_weight (kB over the wire, nothing kept before) and page_paint (ms to the first contentful paint, median of
    the visits), each of the worst page.
    """
    if find_chromium() is None:
        sys.exit("There is no Chromium: CHROMIUM names none, and none is on the PATH.")
    visits = VISITS if minutes is None else max(3, min(VISITS, round(VISITS * minutes)))
    weights, paints = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        airflow = _filled(Path(folder))
        with airflow.running("api-server"), chromium() as browser:
            for name, path in PAGES.items():
                weights[name], paints[name] = _measured(airflow, browser, path, visits)
    detail: dict[str, Any] = {"visits": visits}
    return [
        Figure("page_weight", round(max(weights.values()), 1), "kB", "lower", 700, detail | {"pages": weights}),
        Figure("page_paint", round(max(paints.values()), 1), "ms", "lower", 1000, detail | {"pages": paints}),
    ]


def _filled(folder: Path) -> PrivateAirflow:
    (folder / "shop").mkdir()
    airflow = PrivateAirflow(folder / "airflow", "")
    airflow.data_dir.mkdir()
    with Store.open(f"sqlite:///{airflow.data_dir / 'dean.db'}") as store:
        fill(store, folder / "shop")
    return airflow


def _measured(airflow: PrivateAirflow, browser: Any, path: str, visits: int) -> tuple[float, float]:
    """Each visit is by a browser that has kept nothing."""
    weights, paints = [], []
    for _ in range(visits):
        reader = Reader(airflow, browser, "admin")
        page = reader.visit(path)
        page.wait_for_load_state("load")
        paints.append(float(page.evaluate(_PAINT)))
        weights.append(float(page.evaluate(_WEIGHT)))
        reader.close()
    return round(max(weights), 1), round(statistics.median(paints), 1)
