"""Listens to the store: what happened in trials since the last look becomes frames for whoever is connected.

The store, because trials run in other processes, and some of them on other machines.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from dean_airflow.errors import StoreError
from dean_airflow.services.contract.websocket import TrialFrame
from dean_airflow.services.evolution.frames import TERMINAL, TrialFrames
from dean_airflow.services.server.hub import Hub
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.fence import FINAL
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.15
"""An event is to reach its clients within half a second."""
IDLE_SECONDS = 1.0
"""The same while nobody listens."""
RECENT = timedelta(seconds=10)
"""A trial may begin and end between two looks."""
CLOSING_PATIENCE = timedelta(seconds=60)
"""A trial that was stopped says so in an event once it is closed. If nobody closes it, its status is taken as said."""
PAGE = 500
ATTEMPT = 1_000_000
"""Frames are numbered within a trial; those of its second attempt from here on."""
REMEMBERED = 10_000
"""Ended trials whose end is known to have been told."""


@dataclass
class _Followed:
    attempt: int
    frames: TrialFrames
    position: int = 0
    number: int = 0


class Feed:
    """Follows all trials that are under way. One a server; `run` ends when it is cancelled."""

    def __init__(self, store: Store, threads: Threads, hub: Hub) -> None:
        self._store, self._threads, self._hub = store, threads, hub
        self._followed: dict[str, _Followed] = {}
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS if len(self._hub) else IDLE_SECONDS)

    async def look(self) -> None:
        """Publishes what is new. A store that does not answer is asked again next time."""
        try:
            news = await self._threads(self._read)
        except StoreError as error:
            log.warning("The feed waits for the store: %s", error)
            return
        for trial_id, frame in news:
            followed = self._followed[trial_id]
            followed.number += 1
            self._hub.publish(trial_id, followed.number, frame_text(frame))
        for trial_id in [known for known, followed in self._followed.items() if followed.frames.ended]:
            self._told[trial_id] = self._followed.pop(trial_id).attempt
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    def _read(self) -> list[tuple[str, TrialFrame]]:
        lively = self._store.events.lively(self._store.now() - RECENT)
        for trial_id, attempt in lively.items():
            if trial_id not in self._followed and self._told.get(trial_id) != attempt:
                self._followed[trial_id] = self._follow(trial_id, attempt)
        newest = self._store.events.newest(list(self._followed))
        news = []
        for trial_id, followed in self._followed.items():
            frames: list[TrialFrame] = []
            if newest.get(trial_id, 0) > followed.position:
                frames = self._frames(trial_id, followed)
            elif trial_id not in lively:
                frames = self._overdue(trial_id, followed)
            news += [(trial_id, frame) for frame in frames]
        return news

    def _follow(self, trial_id: str, attempt: int) -> _Followed:
        """From its first event; of a trial that was taken up again only what comes from now on."""
        followed = _Followed(attempt, TrialFrames(trial_id), number=(attempt - 1) * ATTEMPT)
        if attempt > 1:
            followed.position = self._store.events.newest([trial_id]).get(trial_id, 0)
        return followed

    def _frames(self, trial_id: str, followed: _Followed) -> list[TrialFrame]:
        frames: list[TrialFrame] = []
        for event in self._store.events.since(trial_id, followed.position, PAGE):
            followed.position = event.sequence
            found = self._store.discoveries.list(trial_id) if event.kind in TERMINAL else ()
            frames += followed.frames.of(event, found)
        return frames

    def _overdue(self, trial_id: str, followed: _Followed) -> list[TrialFrame]:
        view = self._store.discoveries.view(trial_id)
        if view is None:
            followed.frames.ended = True  # removed with all that was known of it
            return []
        ended = view.trial.completed_at or view.trial.updated_at
        if view.trial.status not in FINAL or self._store.now() - ended < CLOSING_PATIENCE:
            return []
        return followed.frames.end(view.trial.status, ended)


def history(store: Store, trial_id: str) -> list[TrialFrame]:
    """All frames of a trial so far, for a client that comes later."""
    frames, made, position = TrialFrames(trial_id), [], 0
    while events := store.events.since(trial_id, position, PAGE):
        for event in events:
            position = event.sequence
            found = store.discoveries.list(trial_id) if event.kind in TERMINAL else ()
            made += frames.of(event, found)
    if frames.ended:
        view = store.discoveries.view(trial_id)
        if view is not None and view.trial.status not in FINAL:
            return []  # taken up again: what is told is how it ends this time
    return made


def frame_text(frame: TrialFrame) -> str:
    return frame.model_dump_json(exclude_none=True)
