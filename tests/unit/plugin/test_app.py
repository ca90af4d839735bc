"""The app at /dean: every route is behind Airflow's permissions, and building it is put off until it is asked."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

pytestmark = pytest.mark.airflow


async def status_of(app: Any, method: str, path: str) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
        return (await client.request(method, path)).status_code


def test_every_route_refuses_a_caller_without_credentials(airflow_home: Path) -> None:
    from dean_airflow.plugin.app import build_app

    app = build_app()
    asked = {
        (method, route.path): asyncio.run(status_of(app, method, re.sub(r"\{.*?\}", "trial-1234", route.path)))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods
    }

    assert ("GET", "/trials/{trial_id}/report") in asked
    assert set(asked.values()) == {401}


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_the_apps_description_is_not_served(airflow_home: Path, path: str) -> None:
    from dean_airflow.plugin.app import build_app

    assert asyncio.run(status_of(build_app(), "GET", path)) == 404


def test_loading_the_plugin_builds_nothing(airflow_home: Path) -> None:
    code = (
        "import sys, airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "from dean_airflow.plugin.dean_plugin import DeanPlugin\n"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('dean_airflow')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
