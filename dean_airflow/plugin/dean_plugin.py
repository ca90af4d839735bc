"""What the `airflow.plugins` entry point names. Every Airflow process imports this, so the app is built later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/dean"


class LazyApp:
    """An ASGI app that is built at its first request, in the only process that gets one: the web server."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)


def _build_app() -> ASGIApp:
    from dean_airflow.plugin.app import build_app

    return build_app()


def _views() -> list[dict[str, Any]]:
    """Where Airflow's UI shows DEAN's pages, in frames of its own; it fills what stands in braces."""
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX
    look = {"icon": f"{base}/static/icon.svg", "icon_dark_mode": f"{base}/static/icon-dark.svg"}
    of_run = f"{base}/dashboard/runs/{{DAG_ID}}/{{RUN_ID}}"
    return [
        {"name": "DEAN", "destination": "nav", "href": f"{base}/dashboard", "url_route": "dean", "nav_top_level": True}
        | look,
        {"name": "DEAN", "destination": "dag_run", "href": of_run, "url_route": "dean-run"} | look,
        {"name": "DEAN", "destination": "task_instance", "href": of_run, "url_route": "dean-task"} | look,
    ]


class DeanPlugin(AirflowPlugin):
    """Mounts DEAN's app at /dean, and shows its pages in Airflow's navigation, at a run and at a task."""

    name = "dean"
    fastapi_apps: list[Any] = [{"app": LazyApp(_build_app), "url_prefix": PREFIX, "name": "DEAN"}]  # noqa: RUF012
    external_views: list[Any] = _views()
