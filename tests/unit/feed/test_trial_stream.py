"""One trial's stream, on a real store and without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete

from dean_airflow.feed.hub import Hub
from dean_airflow.feed.keeper import Keeper
from dean_airflow.feed.store_sources import StoreSources
from dean_airflow.feed.trial_stream import TrialStream
from dean_airflow.store.models import TrialRow
from dean_airflow.store.store import Store

from .shelf import HandClock, at_once, settle
from .wires import Visitor, Wire

pytestmark = pytest.mark.anyio


class Stand:
    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.wire = store, HandClock(), Wire()
        self.hub = Hub(store.id, StoreSources(store), at_once, self.clock)
        self.task: asyncio.Task[None] | None = None

    async def connect(self, trial_id: str, viewer: Visitor | None = None) -> None:
        keeper = Keeper(self.hub, dict, at_once)
        stream = TrialStream(self.store, at_once, self.hub, keeper, viewer or Visitor(), self.wire, trial_id)
        self.task = asyncio.create_task(stream.run())
        await settle()

    async def look(self) -> None:
        self.hub.touch(None)
        self.clock.time += 1  # a topic is looked at five times a second at most
        await self.hub.look()
        await settle()


@pytest.fixture
def stand(store: Store) -> Iterator[Stand]:
    stand = Stand(store)
    yield stand
    if stand.task is not None:
        stand.task.cancel()


async def test_status_updates_and_the_end(stand: Stand, trial_id: str, judge: Callable[[int, int], None]) -> None:
    await stand.connect(trial_id)
    (status,) = stand.wire.frames()
    assert (status["type"], status["trial"]["status"]) == ("status", "running")

    judge(0, 12)
    for number in range(7):
        stand.store.events.append(trial_id, "generation", {"number": number, "best_fitness": 0.1})
    await stand.look()
    assert stand.wire.frames() == []
    await stand.clock.move(2)
    (update,) = stand.wire.frames()
    assert [one["number"] for one in update.pop("generation_metrics")] == [2, 3, 4, 5, 6]
    assert update == {
        "type": "update", "trial_id": trial_id, "status": "running", "current_generation": 0,
        "total_tokens_used": None, "best_fitness_score": 0.0, "agent_count": 12, "patterns_discovered": 0,
    }  # fmt: skip

    stand.store.trials.transition(trial_id, "completed", outcome="no_improvement")
    await stand.look()
    (complete,) = stand.wire.frames()
    assert complete == {
        "type": "complete", "trial_id": trial_id, "status": "completed", "message": "The trial has ended",
    }  # fmt: skip
    assert stand.wire.closed == (1000, "The trial has ended")


async def test_an_update_at_least_every_ten_seconds(stand: Stand, trial_id: str) -> None:
    await stand.connect(trial_id)
    await stand.clock.move(9)
    assert stand.wire.types() == ["status"]
    await stand.clock.move(2)
    assert stand.wire.types() == ["update"]
    await stand.clock.move(10)
    assert stand.wire.types() == ["update"]


async def test_a_cancelled_trial_says_so_first(stand: Stand, trial_id: str) -> None:
    await stand.connect(trial_id)
    stand.store.trials.transition(trial_id, "cancelled")
    await stand.look()

    assert stand.wire.types() == ["status", "cancelled", "complete"]


async def test_one_that_ended_before(stand: Stand, trial_id: str) -> None:
    stand.store.trials.transition(trial_id, "failed", error="it broke")
    await stand.connect(trial_id)

    assert stand.wire.types() == ["status", "complete"]
    assert stand.wire.closed == (1000, "The trial has failed")


async def test_a_trial_that_is_removed_while_it_is_watched(stand: Stand, trial_id: str) -> None:
    await stand.connect(trial_id)
    stand.store.database.write(lambda session: session.execute(delete(TrialRow)))
    await stand.look()

    assert [(frame["type"], frame.get("status")) for frame in stand.wire.frames()][1:] == [("complete", "removed")]


@pytest.mark.parametrize(
    ("trial", "barred"), [("trial-none", set()), ("../etc", set()), ("<b>", set()), ("trial-a", {None})]
)
async def test_what_is_not_there_or_not_for_them(stand: Stand, trial_id: str, trial: str, barred: set[Any]) -> None:
    await stand.connect(trial, Visitor(barred=frozenset(barred)))

    assert [frame["message"] for frame in stand.wire.frames()] == [f"There is no trial {trial}, or you may not see it."]
    assert stand.wire.closed == (4404, "There is no such trial")


async def test_ping_and_going(stand: Stand, trial_id: str) -> None:
    await stand.connect(trial_id)
    await stand.wire.say("ping")
    assert stand.wire.texts[-1] == "pong"
    await stand.wire.say(None)

    assert stand.task is not None
    assert stand.task.done()
    assert stand.hub.topics == frozenset()
