"""From what the store hears of trials to the frames of sockets; without a server."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from dean_airflow.errors import StoreError
from dean_airflow.services.evolution.feed import Feed, history
from dean_airflow.services.server.hub import QUEUE, Hub, Listener
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.store import Store


def generation(store: Store, trial: str, number: int, fitness: float, island: int = 0) -> None:
    data = {"number": number, "best_fitness": fitness, "diversity": 0.5, "island": island}
    store.events.append(trial, "generation", data, key=f"generation-{island}-{number}")


def end(store: Store, trial: str, status: str = "completed") -> None:
    store.trials.transition(trial, status)
    store.events.append(trial, f"trial_{status}", {}, key=f"trial_{status}-1")


def heard(listener: Listener) -> list[dict[str, Any]]:
    frames = []
    while not listener._queue.empty():
        news = listener._queue.get_nowait()
        frames.append({} if news is None else json.loads(news[1]))
    return frames


def told(frame: dict[str, Any]) -> tuple[Any, ...]:
    return frame["event"], frame["data"].get("generation"), frame["data"].get("pattern", {}).get("type")


class Scene:
    """A feed with one listener."""

    def __init__(self, store: Store, topic: str | None = None) -> None:
        self.store, self.hub, self.threads = store, Hub(), Threads(1)
        self.feed = Feed(store, self.threads, self.hub)
        self._held = self.hub.listening(topic)
        self.listener = self._held.__enter__()

    def look(self) -> list[dict[str, Any]]:
        asyncio.run(self.feed.look())
        return heard(self.listener)


def test_a_trial_is_told_in_order_and_ends_once(store: Store, trial: str) -> None:
    scene = Scene(store)
    store.events.append(trial, "trial_started", key="trial_started")
    generation(store, trial, 1, 0.1)
    first = scene.look()
    generation(store, trial, 2, 0.3)
    store.patterns.record("catalogue.hoist", "loop", tried=3, confirmed=1, effects=[-0.5], trial_id=trial)
    store.patterns.record("catalogue.lift", "loop", tried=3, confirmed=0, effects=[], trial_id=trial)
    end(store, trial)
    second, third = scene.look(), scene.look()

    assert [told(frame) for frame in first] == [("started", None, None), ("progress", 1, None)]
    assert [told(frame) for frame in second] == [
        ("progress", 2, None),
        ("pattern", None, "innovation"),
        ("completed", None, None),
    ]
    assert second[0]["data"] == {"generation": 2, "fitness": 0.3, "improvement": 0.3 - 0.1}
    assert second[-1]["data"] == {}
    assert third == []
    assert {frame["type"] for frame in (*first, *second)} == {"trial_update"}


def test_generations_of_several_islands_strictly_increase(store: Store, trial: str) -> None:
    scene = Scene(store)
    for number, island, fitness in ((1, 0, 0.1), (1, 1, 0.4), (2, 1, 0.4), (2, 0, 0.2), (3, 0, 0.2)):
        generation(store, trial, number, fitness, island)

    progress = [frame["data"] for frame in scene.look() if frame["event"] == "progress"]

    assert [data["generation"] for data in progress] == [1, 2, 3]
    assert [data["fitness"] for data in progress] == [0.1, 0.4, 0.4]


def test_a_trial_that_begins_and_ends_between_two_looks_is_told_whole(store: Store, trial: str) -> None:
    generation(store, trial, 1, 0.1)
    end(store, trial, "failed")

    assert [told(frame)[0] for frame in Scene(store).look()] == ["started", "progress", "failed"]


def test_one_that_nobody_closes_ends_by_its_status(store: Store, trial: str, monkeypatch) -> None:
    scene = Scene(store)
    store.events.append(trial, "trial_started", key="trial_started")
    scene.look()
    store.trials.transition(trial, "cancelled")
    assert scene.look() == []

    for patience in ("CLOSING_PATIENCE", "RECENT"):
        monkeypatch.setattr(f"dean_airflow.services.evolution.feed.{patience}", timedelta(0))

    assert [told(frame)[0] for frame in scene.look()] == ["cancelled"]
    assert scene.look() == []


def test_one_taken_up_again_is_followed_again(store: Store, trial: str) -> None:
    scene = Scene(store)
    generation(store, trial, 1, 0.1)
    end(store, trial, "failed")
    scene.look()
    store.trials.create(trial, {"repository": "/srv/one"}, execution="again")
    scene.look()
    store.events.append(trial, "generation", {"number": 2, "best_fitness": 0.2}, key="generation-0-2")

    assert [told(frame)[:2] for frame in scene.look()] == [("started", None), ("progress", 2)]
    assert history(store, trial) == []


def test_who_asks_for_one_trial_hears_of_no_other(store: Store, trial: str) -> None:
    scene = Scene(store, topic="trial-b")
    generation(store, trial, 1, 0.1)

    assert scene.look() == []


def test_who_comes_late_is_told_what_was(store: Store, trial: str) -> None:
    generation(store, trial, 1, 0.1)
    end(store, trial)

    assert [frame.event for frame in history(store, trial)] == ["started", "progress", "completed"]
    assert history(store, "trial-unknown") == []


def test_a_slow_client_is_dropped_and_the_others_hear_everything() -> None:
    hub = Hub()
    with hub.listening() as slow, hub.listening() as quick:
        for number in range(QUEUE + 5):
            hub.publish("trial-a", number, "{}")
            heard(quick)

        assert (len(hub), hub.dropped) == (1, 1)
        assert heard(slow)[-1] == {}
        hub.publish("trial-a", QUEUE + 5, "{}")
        assert (len(heard(quick)), heard(slow)) == (1, [])
    assert len(hub) == 0


def test_the_feed_waits_for_a_store_that_is_away(store: Store, trial: str, monkeypatch, caplog) -> None:
    scene = Scene(store)

    def away(*unused: object) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patched:
        patched.setattr(store.events, "lively", away)
        assert scene.look() == []
    generation(store, trial, 1, 0.1)

    assert "waits for the store: away" in caplog.text
    assert len(scene.look()) == 2
