"""feed.js in a real browser, while the server is killed, the network goes and comes, and trials go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dean_airflow.store.store import Store

from .pages import SUM, follow, last_state, logged_in, wait
from .servers import ProducerProcess, Server, open_trial, store_url

pytestmark = pytest.mark.airflow


@pytest.fixture
def page(server: Server, browser: Any) -> Iterator[Any]:
    with logged_in(server, browser) as page:
        yield page


def has(page: Any, count: Callable[[], int]) -> dict[str, Any]:
    """What the page added up, once that is everything there is."""
    wait(page, f"(count) => ({SUM})().evaluations >= count", count())
    return dict(page.evaluate(SUM))


@pytest.mark.slow
def test_a_page_misses_nothing_while_the_server_is_killed(server: Server, store: Store, page: Any) -> None:
    producer = ProducerProcess(store_url(server.stack), "trial-browser", rate=40)
    try:
        follow(page, "trial:trial-browser")
        last_state(page, "live")
        wait(page, "() => window.frames_.some(({ type }) => type === 'trial_progress')")

        server.kill()
        last_state(page, "offline")
        before = store.evaluations.count("trial-browser")
        server.start()
        last_state(page, "live")
        server.stack.wait_for("more", lambda: store.evaluations.count("trial-browser") > before + 20)
    finally:
        producer.kill()

    found = has(page, lambda: store.evaluations.count("trial-browser"))

    assert found["evaluations"] == store.evaluations.count("trial-browser")
    assert found["events"] == [event.sequence for event in store.events.since("trial-browser")]
    assert found["snapshots"] == 1
    assert page.evaluate("window.states.indexOf('offline') < window.states.lastIndexOf('live')")


def test_a_page_polls_while_it_gets_no_socket(server: Server, store: Store, page: Any) -> None:
    open_trial(store, "trial-polled")
    page.route_web_socket("**/dean/ws?*", lambda socket: socket.close())  # as a proxy that knows no sockets
    follow(page, "trial:trial-polled", "trials", "trial:nobody")
    last_state(page, "polling")
    for number in range(3):
        store.events.append("trial-polled", "generation", {"number": number})
    wait(page, f"() => ({SUM})().events.length >= 3")
    store.trials.transition("trial-polled", "cancelled")
    wait(page, "() => window.frames_.some(({ type }) => type === 'trial_cancelled')")

    frames = page.evaluate("window.frames_")
    assert page.evaluate(SUM)["events"] == [1, 2, 3]
    assert [frame["data"]["code"] for frame in frames if frame["topic"] == "trial:nobody"] == ["not_found"]
    assert [frame["type"] for frame in frames if frame["topic"] == "trials"].count("trial_cancelled") == 1


def test_a_browser_that_is_offline_says_so_and_goes_on_by_itself(server: Server, store: Store, page: Any) -> None:
    open_trial(store, "trial-offline")
    follow(page, "trial:trial-offline")
    last_state(page, "live")
    page.context.set_offline(True)
    last_state(page, "offline")
    store.events.append("trial-offline", "generation", {"number": 1})
    page.context.set_offline(False)
    last_state(page, "live")
    wait(page, f"() => ({SUM})().events.length >= 1")

    assert page.evaluate(SUM)["events"] == [1]


def test_a_trial_that_is_removed_is_told_and_not_asked_for_again(server: Server, store: Store, page: Any) -> None:
    from sqlalchemy import delete

    from dean_airflow.store.models import TrialRow

    open_trial(store, "trial-removed")
    follow(page, "trial:trial-removed")
    wait(page, "() => window.frames_.some(({ type }) => type === 'snapshot')")
    store.database.write(lambda session: session.execute(delete(TrialRow).where(TrialRow.id == "trial-removed")))
    wait(page, "() => window.frames_.some(({ type }) => type === 'trial_removed')")

    assert page.evaluate("window.states.at(-1)") == "live"


def test_who_may_not_is_told_so_and_the_server_left_alone(server: Server, page: Any) -> None:
    page.evaluate("import('/dean/static/feed.js').then(() => {})")
    page.context.clear_cookies()  # logged out meanwhile
    follow(page, "trials")
    last_state(page, "denied")

    assert page.evaluate("window.frames_") == []
