"""Every page, in both themes and every width: readable by anyone, complete, and pictured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.browser.filled import BROKEN, DEPLOYED, FAILED, IMPROVED, RUNNING
from tests.integration.browser.reader import Reader

pytestmark = pytest.mark.airflow

PAGES = {
    "overview": ("/dashboard", "Recent outcomes"),
    "trials": ("/dashboard/trials", IMPROVED),
    "new-trial": ("/dashboard/trials/new", "Only the repository is needed."),
    "trial-improved": (f"/dashboard/trials/{IMPROVED}", "1.30× as fast"),
    "trial-running": (f"/dashboard/trials/{RUNNING}", "island 1"),
    "trial-failed": (f"/dashboard/trials/{FAILED}", "cannot be cloned"),
    "patterns": ("/dashboard/patterns", "hoist_regex"),
    "metrics": ("/dashboard/metrics", "evolution is down"),
    "deployments": ("/dashboard/deployments", "Not valid:"),
    "deployment": (f"/dashboard/deployments/{DEPLOYED}", "verifying"),
    "deployment-findings": (f"/dashboard/deployments/{BROKEN}", "Host port 8080/tcp of api is web's already."),
    "run-of-others": ("/dashboard/runs/somebodys_dag/manual__1", "works on no trial and on no deployment"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_open_to_all_readers(open_as: Callable[..., Reader], screenshots: Path, theme: str) -> None:
    reader = open_as(theme=theme)
    barriers = {}
    for name, (path, words) in PAGES.items():
        page = reader.visit(path)
        reader.sees(words)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        reader.picture(screenshots / f"{name}-{theme}.png")
        if found := reader.barriers():
            barriers[name] = found

    assert barriers == {}


@pytest.mark.parametrize("width", [360, 3840])
def test_no_page_is_wider_than_its_window(open_as: Callable[..., Reader], width: int) -> None:
    reader = open_as(width=width, height=2000 if width > 1000 else 740)
    wider = {}
    for name, (path, words) in PAGES.items():
        reader.visit(path)
        reader.sees(words)
        if reader.overflow():
            wider[name] = reader.overflow()

    assert wider == {}


def test_airflows_choice_of_theme_holds_and_is_followed_at_once(open_as: Callable[..., Reader]) -> None:
    reader = open_as(theme="light")
    reader.visit("/dashboard")
    frame = reader.context.new_page()
    frame.goto("/dean/dashboard/patterns")

    frame.evaluate("localStorage.setItem('theme', 'dark')")

    reader.shows("html[data-theme=dark]")
    reader.visit("/dashboard/trials")
    assert reader.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_everything_in_order(open_as: Callable[..., Reader]) -> None:
    page = open_as().visit("/dashboard/trials")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.getAttribute('name')"))

    assert reached[:9] == [
        "Skip to the content", "DEAN", "Overview", "Trials", "Patterns", "Metrics", "Deployments", "Start a trial", "q",
    ]  # fmt: skip
    page.keyboard.press("Escape")
    page.locator("[data-sort=repository]").press("Enter")
    page.locator("th[aria-sort=ascending]").wait_for()
    assert page.evaluate("document.activeElement.dataset.sort") == "repository"


def test_a_candidate_is_opened_with_its_measurements_and_closed_again(open_as: Callable[..., Reader]) -> None:
    reader = open_as()
    page = reader.visit(f"/dashboard/trials/{IMPROVED}")
    button = page.get_by_role("button", name="Diff of candidate 0.0", exact=True)
    button.press("Enter")

    dialog = page.get_by_role("dialog")
    dialog.get_by_role("img", name="Speed-up of 40 measured pairs").wait_for()
    assert reader.barriers() == []
    page.keyboard.press("Escape")

    dialog.wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.candidate") == "0.0"
