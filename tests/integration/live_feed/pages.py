"""Pages of a browser that follow the feed and keep what they were told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .servers import Server

FOLLOW = """
async (topics) => {
  const { follow } = await import("/dean/static/feed.js");
  window.frames_ = [];
  window.states = [];
  window.reasons = [];
  window.stop_ = follow(topics, {
    onFrame: (frame) => window.frames_.push(frame),
    onState: (state, reason) => {
      window.states.push(state);
      window.reasons.push(reason);
    },
  });
}
"""
SUM = """
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


@contextmanager
def logged_in(server: Server, browser: Any) -> Iterator[Any]:
    """A page of the server's, of an admin who is logged in; where it is from is all that matters of it."""
    context = browser.new_context(base_url=server.stack.url)
    context.add_cookies([{"name": "_token", "value": server.stack.token(), "url": server.stack.url}])
    page = context.new_page()
    page.goto("/dean/static/feed.js")
    yield page
    context.close()


def follow(page: Any, *topics: str) -> None:
    """What comes is in `window.frames_`, how it goes in `window.states` and `window.reasons`."""
    page.evaluate(FOLLOW, list(topics))


def wait(page: Any, what: str, argument: Any = None) -> None:
    page.wait_for_function(what, arg=argument, timeout=60_000)


def last_state(page: Any, *states: str) -> None:
    wait(page, "(wanted) => wanted.includes(window.states.at(-1))", list(states))
