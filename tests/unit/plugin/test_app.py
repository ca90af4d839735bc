"""The app at /dean: nothing of it is open to whom Airflow does not know, and it is built when it is first asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.plugin.conftest import Plugin

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/", "/nowhere", "/static/app.js"])
def test_what_is_not_there_is_not_told_to_strangers(plugin: Plugin, path: str) -> None:
    assert plugin.get(path, user=None).status_code == 401


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_fastapis_own_pages_are_not_served(plugin: Plugin, path: str) -> None:
    assert plugin.get(path).status_code == 404


def test_the_description_names_the_routes_and_the_way_in(plugin: Plugin) -> None:
    document = plugin.get("/api/openapi.json", user="viewer").json()

    assert "/api/v1/trials/{trial_id}/generations" in document["paths"]
    assert document["servers"] == [{"url": "/dean"}]
    assert document["security"] == [{"airflow": []}]


def test_loading_the_plugin_builds_nothing(airflow_home: Path) -> None:
    code = (
        "import sys, airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "from dean_airflow.plugin.dean_plugin import DeanPlugin\n"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('dean_airflow')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
