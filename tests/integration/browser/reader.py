"""Somebody who reads the pages: a browser of their own, logged in to Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN

from tests.integration.evolution_workflow.airflow_stack import AirflowStack

PATIENCE = 20_000
"""Milliseconds a page is waited for."""
SERIOUS = ("serious", "critical")


class Reader:
    """`faults` collects what no page may do: fail, be stopped by its own policy, or ask another server for anything."""

    def __init__(
        self,
        site: AirflowStack,
        browser: Any,
        user: str | None,
        *,
        theme: str = "light",
        width: int = 1280,
        height: int = 900,
    ) -> None:
        self.site = site
        self.faults: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, base_url=site.url, accept_downloads=True
        )
        if user is not None:
            self.context.add_cookies(
                [{"name": COOKIE_NAME_JWT_TOKEN, "value": site.token(user), "url": site.url, "httpOnly": True}]
            )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.faults.append(f"failed: {error}"))
        self.page.on("console", lambda message: self._hear(message.text))
        self.page.on("request", lambda request: self._see(request.url))

    def visit(self, path: str) -> Any:
        """The page, once it shows something."""
        self.page.goto(f"/dean{path}")
        self.page.wait_for_selector("main[aria-busy='false']")
        return self.page

    def shows(self, selector: str, patience: float = PATIENCE) -> None:
        """Waits until the page has what a CSS selector finds, seen or not."""
        self.page.locator(selector).first.wait_for(state="attached", timeout=patience)

    def sees(self, text: str) -> None:
        """Waits until the page shows a text."""
        self.page.get_by_text(text).first.wait_for()

    def barriers(self) -> list[str]:
        """What axe finds in the way of readers that is serious or worse."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:300]}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    def picture(self, file: Path) -> None:
        """The whole page, as a file."""
        self.page.screenshot(path=str(file), full_page=True)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def close(self) -> None:
        self.context.close()

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.faults.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith((self.site.url, self.site.url.replace("http", "ws", 1), "data:", "blob:")):
            self.faults.append(f"asked {url}")
