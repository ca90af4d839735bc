"""A trial by hand, all of it in the browser: started from the form, watched, cut off, stopped, taken up again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.store.store import Store
from tests.integration.browser.chromium import chromium, find_chromium
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site
from tests.integration.evolution_workflow.airflow_stack import BUNDLE

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

MINUTE = 60_000
EXAMPLE = Path(__file__).parents[3] / "examples" / "shop_report"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The bundled example, as a git repository of one commit."""
    made = tmp_path / "shop_report"
    shutil.copytree(EXAMPLE, made, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    identity = ("-c", "user.name=A User", "-c", "user.email=user@invalid")
    for command in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message", "As shipped")):
        subprocess.run(["git", "-C", str(made), *command], check=True)
    return made


@pytest.fixture
def airflow(airflow_home: Path, tmp_path: Path) -> Iterator[Site]:
    """A whole Airflow: the scheduler carries the trial out, the web server can be killed."""
    if find_chromium() is None:
        pytest.skip("there is no Chromium: CHROMIUM names none, and none is on the PATH")
    home = tmp_path / "airflow"
    home.mkdir()
    site = Site(
        home, airflow_home, f"sqlite:///{home / 'dean.db'}", AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=BUNDLE
    )
    site.start()
    try:
        with site.running("scheduler", "dag-processor"):
            site.wait_for_dag("dean_evolution_trial")
            yield site
    finally:
        site.kill()
        site.store.close()


def test_a_trial_from_the_form_to_its_stop(airflow: Site, repository: Path) -> None:
    with chromium() as browser:
        reader = Reader(airflow, browser, "admin")
        page = reader.visit("/dashboard/trials/new")
        page.get_by_label("Repository").fill(str(repository))
        page.get_by_label("Minutes").fill("500")
        page.get_by_role("button", name="Start the trial").click()
        page.get_by_text("This must be above 0, to 120.").wait_for()
        page.get_by_label("Minutes").fill("5")
        page.get_by_label("Generations").fill("100")
        page.get_by_role("button", name="Start the trial").click()
        page.wait_for_url("**/dashboard/trials/trial-*")
        trial_id = page.url.rsplit("/", 1)[-1]

        reader.shows("#p-fitness .uplot", MINUTE * 2)
        airflow.kill()
        reader.shows("#link-state:not([data-state=live])")
        before = newest(airflow.store, trial_id)
        # A web server that is away keeps tasks from telling Airflow, not from telling the store.
        airflow.wait_for("a generation nobody was told of", lambda: newest(airflow.store, trial_id) > before)
        airflow.start()
        reader.shows("#link-state[data-state=live]", MINUTE)
        assert_nothing_missing(airflow.store, trial_id, reader)

        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Stop the trial").click()
        page.locator(".verdict .big", has_text="Stopped").wait_for(timeout=MINUTE)
        page.get_by_role("button", name="Retry").wait_for()
        assert airflow.store.trials.get(trial_id).status == "cancelled"
        assert not reader.faults
        reader.close()


def newest(store: Store, trial_id: str) -> int:
    """How many generations the trial has told of."""
    return sum(event.kind == "generation" for event in store.events.since(trial_id))


def assert_nothing_missing(store: Store, trial_id: str, reader: Reader) -> None:
    told = [event.data for event in store.events.since(trial_id) if event.kind == "generation"]
    expected = {str(data["number"]) for data in told}
    reader.page.locator("#p-fitness summary").click()
    for number in expected:
        reader.page.locator("#p-fitness tbody th").get_by_text(number, exact=True).wait_for()
