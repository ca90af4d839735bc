"""Who sees what: readers may look, nobody else may, and other sites' pages may not even frame it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.integration.browser.filled import DEPLOYED, RUNNING
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site
from tests.integration.evolution_workflow.airflow_stack import LOOPBACK

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("/dashboard", "Start a trial"),
        ("/dashboard/trials", "Start a trial"),
        (f"/dashboard/trials/{RUNNING}", "Stop"),
        ("/dashboard/metrics", "Silence"),
        (f"/dashboard/deployments/{DEPLOYED}", "Roll back"),
    ],
)
def test_a_viewer_sees_the_page_and_no_button(open_as: Callable[..., Reader], path: str, button: str) -> None:
    allowed = open_as("admin").visit(path)
    allowed.get_by_text(button, exact=True).first.wait_for()

    page = open_as("viewer").visit(path)
    page.locator("h1").wait_for()
    if path.endswith("metrics"):
        page.get_by_text("evolution is down").wait_for()

    assert page.get_by_text(button, exact=True).count() == 0


def test_a_viewer_who_calls_anyway_is_refused(open_as: Callable[..., Reader], site: Site) -> None:
    page = open_as("viewer").visit(f"/dashboard/trials/{RUNNING}")

    answers = page.evaluate(
        """(paths) => Promise.all(paths.map(async (path) => {
             const body = JSON.stringify({repository: "/x"});
             const headers = {"Content-Type": "application/json"};
             return (await fetch(path, {method: "POST", headers, body})).status;
           }))""",
        [f"/dean/api/v1/trials/{RUNNING}/stop", "/dean/api/v1/trials", f"/dean/api/v1/deployments/{DEPLOYED}/rollback"],
    )

    assert answers == [403, 403, 403]
    assert site.store.trials.get(RUNNING).status == "running"


def test_a_viewer_at_the_form_is_told_why_there_is_none(open_as: Callable[..., Reader]) -> None:
    reader = open_as("viewer")
    page = reader.visit("/dashboard/trials/new")

    reader.sees("needs the right to trigger dean_evolution_trial")
    assert page.locator("form.form").count() == 0


@pytest.mark.parametrize("path", ["/dashboard", f"/dashboard/trials/{RUNNING}", "/static/page.js", "/static/base.css"])
def test_nobody_gets_nothing(open_as: Callable[..., Reader], path: str) -> None:
    answer = open_as(None).page.goto(f"/dean{path}")

    assert answer.status == 401
    assert RUNNING not in answer.text()
    assert open_as("outsider").page.goto(f"/dean{path}").status == 403


def test_a_session_that_ends_while_the_page_is_open_is_said(open_as: Callable[..., Reader]) -> None:
    reader = open_as()
    page = reader.visit("/dashboard/trials")
    reader.context.clear_cookies()

    page.locator("[data-sort=fitness]").click()

    reader.sees("What you see is from")


@pytest.fixture
def other_site(site: Site) -> Iterator[str]:
    """Another origin, whose page frames ours."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<iframe src='{site.url}/dean/dashboard'></iframe>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_another_site_cannot_frame_a_page_nor_act(
    browser: object, site: Site, open_as: Callable[..., Reader], other_site: str
) -> None:
    reader = open_as()
    with reader.page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        reader.page.goto(other_site)
    reader.faults.clear()  # the refusal is what was to be seen

    status = reader.page.evaluate(
        """(url) => fetch(url, {method: "POST", mode: "no-cors", credentials: "include"})
             .then((one) => one.type, () => "failed")""",
        f"{site.url}/dean/api/v1/trials/{RUNNING}/stop",
    )

    reader.faults.clear()
    assert status in ("opaque", "failed")  # what it was answered is not for that page to know
    assert site.store.trials.get(RUNNING).status == "running"
