"""The pages where people are: in Airflow's own UI, in its navigation and at a run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.browser.filled import IMPROVED
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site

pytestmark = pytest.mark.airflow


def test_airflows_navigation_leads_to_the_overview_in_a_frame(open_as: Callable[..., Reader]) -> None:
    page = open_as().page
    page.goto("/")
    page.get_by_role("link", name="DEAN").click()

    framed = page.frame_locator("iframe")
    framed.get_by_role("heading", name="Overview").wait_for()
    framed.get_by_role("link", name="Trials", exact=True).click()
    framed.get_by_text(IMPROVED).wait_for()

    page.wait_for_url("**/plugin/dean/dean/dashboard/trials")


def test_the_address_of_a_trial_within_airflow_can_be_passed_on(open_as: Callable[..., Reader]) -> None:
    from dean_airflow.links import trial_page_path

    page = open_as().page
    page.goto(trial_page_path(IMPROVED))

    page.frame_locator("iframe").get_by_text("1.30× as fast").wait_for()
    assert page.frame_locator("iframe").locator("html").get_attribute("data-trial") == IMPROVED


def test_patch_and_report_come_out_of_airflows_frame(open_as: Callable[..., Reader], site: Site) -> None:
    """The frame may download, and may not leave for anywhere else."""
    from dean_airflow.links import trial_page_path

    folder = site.home / "dean" / "artifacts" / IMPROVED
    folder.mkdir(parents=True)
    (folder / f"{IMPROVED}.patch").write_text("--- a/a.py\n+++ b/a.py\n", encoding="utf-8")
    (folder / "report.html").write_text("<!doctype html><title>A report</title><p>What was found</p>", encoding="utf-8")
    page = open_as().page
    page.goto(trial_page_path(IMPROVED))
    framed = page.frame_locator("iframe")

    with page.expect_download() as download:
        framed.get_by_role("link", name="Download patch").click()
    framed.get_by_role("link", name="Report").click()

    assert download.value.suggested_filename == f"{IMPROVED}.patch"
    assert download.value.path().read_text(encoding="utf-8").startswith("--- a/a.py")
    framed.get_by_text("What was found").wait_for()
    assert "/plugin/dean/" in page.url
