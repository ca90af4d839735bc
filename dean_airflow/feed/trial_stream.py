"""One trial as a stream of its own: its status first, updates while it moves, its end, and then nothing more."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import select

from dean_airflow.feed.frame import Frame, to_json
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.keeper import Keeper
from dean_airflow.feed.listener import End, Listener
from dean_airflow.feed.session import PING, PONG, Transport, serve
from dean_airflow.feed.source import NotThere
from dean_airflow.feed.topic import Run
from dean_airflow.feed.viewer import Viewer
from dean_airflow.store.fence import FINAL
from dean_airflow.store.models import EventRow
from dean_airflow.store.store import Store

EVERY = 2.0
"""Seconds between two updates while something changes."""
AT_LEAST = 10.0
"""Seconds after which there is an update in any case."""
DONE, NO_SUCH_TRIAL = 1000, 4404
SHOWN_GENERATIONS = 5
_MESSAGES = {
    "completed": "The trial has ended",
    "failed": "The trial has failed",
    "cancelled": "The trial was cancelled",
    "removed": "The trial was removed",
}


class TrialStream:
    def __init__(
        self, store: Store, run: Run, hub: Hub, keeper: Keeper, viewer: Viewer, transport: Transport, trial_id: str
    ) -> None:
        self._store, self._run, self._hub, self._keeper = store, run, hub, keeper
        self._viewer, self._transport, self._id = viewer, transport, trial_id
        self._listener = Listener()

    async def run(self) -> None:
        """Until the trial ends, the client goes, or may not listen any more. Raises Gone, StoreError."""
        topic = f"trial:{self._id}"
        with self._hub.attached(self._listener), self._keeper.keeping(self._listener, self._viewer):
            try:
                await self._hub.subscribe(self._listener, topic, None, self._viewer.may)
            except NotThere:
                message = f"There is no trial {self._id[:64]}, or you may not see it."
                await self._say({"type": "error", "message": message})
                await self._transport.close(NO_SUCH_TRIAL, "There is no such trial")
                return
            await serve(self._listener, self._transport, self._tell(), self._answer_pings())

    async def _answer_pings(self) -> None:
        while (text := await self._transport.receive()) is not None:
            if text == PING:
                await self._transport.send(PONG)

    async def _tell(self) -> None:
        clock = self._hub.clock
        first = await self._listener.next()
        if isinstance(first, End):
            return
        await self._say({"type": "status", "trial": first.data["trial"]})
        news: Frame | End | None = first
        told_at, moved = clock.now(), False
        while not await self._is_over(news):
            moved = moved or (isinstance(news, Frame) and news.type == "trial_progress")
            news = await self._within(told_at + (EVERY if moved else AT_LEAST) - clock.now())
            if news is None:
                if (update := await self._run(self._update)) is not None:
                    await self._say(update)
                told_at, moved = clock.now(), False

    async def _is_over(self, news: Frame | End | None) -> bool:
        """Whether this was the last there is to tell; then it was told."""
        if isinstance(news, End):
            return True
        if news is None:
            return False
        status = "removed" if news.last else (news.data.get("trial") or {}).get("status")
        if status not in (*FINAL, "removed"):
            return False
        if status == "cancelled":
            await self._say({"type": "cancelled", "trial_id": self._id, "message": _MESSAGES[status]})
        await self._say({"type": "complete", "trial_id": self._id, "status": status, "message": _MESSAGES[status]})
        await self._transport.close(DONE, _MESSAGES[status])
        return True

    async def _within(self, seconds: float) -> Frame | End | None:
        """What is heard within so many seconds, None if nothing is."""
        waits = [
            asyncio.ensure_future(self._listener.next()),
            asyncio.ensure_future(self._hub.clock.sleep(max(0.0, seconds))),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].result() if waits[0].done() else None
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _update(self) -> dict[str, Any] | None:
        """As the store has it now; None where the trial is gone."""
        view = self._store.discoveries.view(self._id)
        if view is None:
            return None
        newest = (
            select(EventRow.data)
            .where(EventRow.trial_id == self._id, EventRow.kind == "generation")
            .order_by(EventRow.sequence.desc())
            .limit(SHOWN_GENERATIONS)
        )
        generations = self._store.database.read(lambda session: list(session.scalars(newest)))
        return {
            "type": "update",
            "trial_id": self._id,
            "status": view.trial.status,
            "current_generation": view.trial.current_generation,
            "total_tokens_used": None,  # no candidate is made by a language model, and none are counted
            "best_fitness_score": view.trial.best_fitness,
            "agent_count": self._store.evaluations.count(self._id),
            "patterns_discovered": view.patterns,
            "generation_metrics": generations[::-1],
        }

    async def _say(self, what: dict[str, Any]) -> None:
        await self._transport.send(to_json(what))
