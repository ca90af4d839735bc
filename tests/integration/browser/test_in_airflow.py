"""The pages where people are: in Airflow's own UI, in its navigation and at a run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.browser.filled import IMPROVED
from tests.integration.browser.reader import Reader

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
