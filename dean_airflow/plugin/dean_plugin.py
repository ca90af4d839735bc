"""What the `airflow.plugins` entry point names. Every Airflow process imports this, so the app is built later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


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


class DeanPlugin(AirflowPlugin):
    """Mounts DEAN's app at /dean."""

    name = "dean"
    fastapi_apps: list[Any] = [{"app": LazyApp(_build_app), "url_prefix": "/dean", "name": "DEAN"}]  # noqa: RUF012
