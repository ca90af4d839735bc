"""A page whose server loses its store: it is said, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dean_airflow.store.store import Store
from tests.integration.evolution_workflow.airflow_stack import AirflowStack
from tests.resilience.postgres_server import Server as Database
from tests.resilience.postgres_server import postgres_server

from .pages import SUM, follow, last_state, logged_in, wait
from .servers import Server, open_trial

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres_server() as database:
        yield database


@pytest.fixture(scope="module")
def web(database: Database, new_stack: Callable[..., AirflowStack]) -> Iterator[Server]:
    web = Server(new_stack(AIRFLOW__DEAN__STORE=database.url))
    web.start()
    yield web
    web.kill()


def test_a_page_says_that_the_store_is_away_and_goes_on(database: Database, web: Server, browser: Any) -> None:
    with Store.open(database.url) as store, logged_in(web, browser) as page:
        open_trial(store, "trial-away")
        follow(page, "trial:trial-away")
        last_state(page, "live")
        database.stop("immediate")
        last_state(page, "offline")
        database.start()
        store.events.append("trial-away", "generation", {"number": 1})
        last_state(page, "live")
        wait(page, f"() => ({SUM})().events.length >= 1")

        assert page.evaluate(SUM)["events"] == [1]
        assert "cannot be reached" in page.evaluate("window.reasons.join()")


def test_a_page_that_comes_while_it_is_away_waits_for_it(database: Database, web: Server, browser: Any) -> None:
    with Store.open(database.url) as store, logged_in(web, browser) as page:
        open_trial(store, "trial-late")
        web.kill()
        web.start()  # a process that has never seen its store
        page.goto("/dean/static/feed.js")
        database.stop("immediate")
        follow(page, "trial:trial-late")
        last_state(page, "offline")
        database.start()
        wait(page, "() => window.frames_.some(({ type }) => type === 'snapshot')")
        last_state(page, "live")
