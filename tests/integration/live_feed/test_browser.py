"""feed.js in a real browser, while the server is killed, the network goes and comes, and trials go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dean_airflow.store.store import Store

from .servers import ProducerProcess, Server, open_trial, store_url

pytestmark = pytest.mark.airflow

_FOLLOW = """
async (topics) => {
  const { follow } = await import("/dean/static/feed.js");
  window.frames_ = [];
  window.states = [];
  window.stop_ = follow(topics, {
    onFrame: (frame) => window.frames_.push(frame),
    onState: (state, reason) => window.states.push(state),
  });
}
"""
_SUM = """
() => {
  let evaluations = 0, events = [];
  for (const { type, data } of window.frames_) {
    if (type === "snapshot") [evaluations, events] = [0, []];
    evaluations += data.evaluations ?? 0;
    events.push(...(data.events ?? []).map((event) => event.sequence));
  }
  return { evaluations, events, snapshots: window.frames_.filter(({ type }) => type === "snapshot").length };
}
"""


@pytest.fixture
def page(server: Server, browser: Any) -> Iterator[Any]:
    """A page of the server's, of an admin who is logged in; where it is from is all that matters of it."""
    context = browser.new_context(base_url=server.stack.url)
    context.add_cookies([{"name": "_token", "value": server.stack.token(), "url": server.stack.url}])
    page = context.new_page()
    page.goto("/dean/api/v1/services/status")
    yield page
    context.close()


def wait(page: Any, what: str, argument: Any = None) -> None:
    page.wait_for_function(what, arg=argument, timeout=60_000)


def last_state(page: Any, *states: str) -> None:
    wait(page, "(wanted) => wanted.includes(window.states.at(-1))", list(states))


def has(page: Any, count: Callable[[], int]) -> dict[str, Any]:
    """What the page added up, once that is everything there is."""
    wait(page, f"(count) => ({_SUM})().evaluations >= count", count())
    return dict(page.evaluate(_SUM))


def test_a_page_misses_nothing_while_the_server_is_killed(server: Server, store: Store, page: Any) -> None:
    producer = ProducerProcess(store_url(server.stack), "trial-browser", rate=40)
    try:
        page.evaluate(_FOLLOW, ["trial:trial-browser"])
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
    page.evaluate(_FOLLOW, ["trial:trial-polled", "trials", "trial:nobody"])
    last_state(page, "polling")
    for number in range(3):
        store.events.append("trial-polled", "generation", {"number": number})
    wait(page, f"() => ({_SUM})().events.length >= 3")
    store.trials.transition("trial-polled", "cancelled")
    wait(page, "() => window.frames_.some(({ type }) => type === 'trial_cancelled')")

    frames = page.evaluate("window.frames_")
    assert page.evaluate(_SUM)["events"] == [1, 2, 3]
    assert [frame["data"]["code"] for frame in frames if frame["topic"] == "trial:nobody"] == ["not_found"]
    assert [frame["type"] for frame in frames if frame["topic"] == "trials"].count("trial_cancelled") == 1


def test_a_browser_that_is_offline_says_so_and_goes_on_by_itself(server: Server, store: Store, page: Any) -> None:
    open_trial(store, "trial-offline")
    page.evaluate(_FOLLOW, ["trial:trial-offline"])
    last_state(page, "live")
    page.context.set_offline(True)
    last_state(page, "offline")
    store.events.append("trial-offline", "generation", {"number": 1})
    page.context.set_offline(False)
    last_state(page, "live")
    wait(page, f"() => ({_SUM})().events.length >= 1")

    assert page.evaluate(_SUM)["events"] == [1]


def test_a_trial_that_is_removed_is_told_and_not_asked_for_again(server: Server, store: Store, page: Any) -> None:
    from sqlalchemy import delete

    from dean_airflow.store.models import TrialRow

    open_trial(store, "trial-removed")
    page.evaluate(_FOLLOW, ["trial:trial-removed"])
    last_state(page, "live")
    store.database.write(lambda session: session.execute(delete(TrialRow).where(TrialRow.id == "trial-removed")))
    wait(page, "() => window.frames_.some(({ type }) => type === 'trial_removed')")

    assert page.evaluate("window.states.at(-1)") == "live"


def test_who_may_not_is_told_so_and_the_server_left_alone(server: Server, page: Any) -> None:
    page.evaluate("import('/dean/static/feed.js').then(() => {})")
    page.context.clear_cookies()  # logged out meanwhile
    page.evaluate(_FOLLOW, ["trials"])
    last_state(page, "denied")

    assert page.evaluate("window.frames_") == []
