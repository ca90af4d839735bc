"""What users and targets bring along: HTML in names, diffs of ten megabytes."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from tests.integration.browser.filled import FAILED
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site
from tests.unit.plugin.some_trials import crown, evolve, make_trial

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/trials", f"/dashboard/trials/{FAILED}"])
def test_html_in_a_repositorys_name_is_text(open_as: Callable[..., Reader], path: str) -> None:
    reader = open_as()
    page = reader.visit(path)
    page.get_by_text("<img src=x onerror=").first.wait_for(state="attached")

    assert page.locator("main img").count() == 0
    assert page.title() != "owned"


def test_ten_megabytes_of_diff_are_read_a_piece_at_a_time(open_as: Callable[..., Reader], site: Site) -> None:
    line = "+" + "x" * 99 + "\n"
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n" + line * (10 * 2**20 // len(line))
    trial = make_trial(site.store, f"trial-{secrets.token_hex(6)}")
    evolve(site.store, trial, generations=2)
    crown(site.store, trial, diff=diff)
    reader = open_as()
    page = reader.visit(f"/dashboard/trials/{trial}")

    reader.sees("The rest of this diff is in the patch.")

    assert 0 < page.locator(".diff span").count() <= 1500
    sent = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"
    assert page.evaluate(sent) < 2**20


def test_a_candidates_diff_of_ten_megabytes_is_shown_in_pieces(open_as: Callable[..., Reader]) -> None:
    page = open_as().visit("/dashboard/runs/somebodys_dag/a_run")  # which draws itself once
    page.evaluate(
        """async () => {
             const { diffView } = await import("/dean/static/diff.js");
             const piece = ("+" + "<b>x</b>".repeat(12) + "\\n").repeat(2600);
             const left = 40;
             const more = async (next) => ({ diff: piece, next_offset: next < left ? next + 1 : null });
             const view = diffView(piece, { next: 1, total: (left + 1) * piece.length, more });
             document.querySelector("main").replaceChildren(view);
           }"""
    )
    assert page.locator(".diff span").count() == 1500
    assert page.locator(".diff b").count() == 0

    page.get_by_role("button", name="Show more").click()
    page.get_by_text("3,000 lines shown").wait_for()

    assert page.locator(".diff span").count() == 3000
