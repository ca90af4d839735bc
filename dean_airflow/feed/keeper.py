"""The keeper: sees that nobody hears nothing for long, or goes on listening who may not any more."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dean_airflow.errors import StoreError
from dean_airflow.feed.frame import Frame
from dean_airflow.feed.hub import Hub
from dean_airflow.feed.listener import End, Listener
from dean_airflow.feed.topic import Run
from dean_airflow.feed.viewer import EXPIRED, Viewer

log = logging.getLogger(__name__)

HEARTBEAT = 30.0
"""Seconds without a frame after which a client is told how the services are."""
CHECK = 60.0
"""Seconds between two looks at whether a client may still listen."""
ROUND = 1.0
FRESH = 1.0
"""Seconds for which one reading of the services' status serves all who ask."""


@dataclass
class _Kept:
    viewer: Viewer
    expires_at: float
    check_at: float


class Keeper:
    """`status` reads the aggregate of all services; `run` runs it in a thread."""

    def __init__(self, hub: Hub, status: Callable[[], dict[str, Any]], run: Run) -> None:
        self._hub, self._read_status, self._run = hub, status, run
        self._kept: dict[Listener, _Kept] = {}
        self._status: tuple[float, dict[str, Any]] | None = None

    @contextlib.contextmanager
    def keeping(self, listener: Listener, viewer: Viewer) -> Iterator[None]:
        now = self._hub.clock.now()
        expires_at = float("inf") if viewer.expires_in is None else now + viewer.expires_in
        self._kept[listener] = _Kept(viewer, expires_at, now + CHECK)
        try:
            yield
        finally:
            del self._kept[listener]

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.round()
            await self._hub.clock.sleep(ROUND)

    async def round(self) -> None:
        """One look at everybody."""
        now = self._hub.clock.now()
        for listener, kept in list(self._kept.items()):
            if kept.expires_at <= now:
                listener.end(End(EXPIRED, "The token has expired"))
            elif kept.check_at <= now:
                kept.check_at = now + CHECK
                why = await self._check(kept.viewer)
                if why is not None:
                    listener.end(why)
        silent = [listener for listener in self._hub.listeners if now - listener.heard_at >= HEARTBEAT]
        if silent:
            self._hub.publish(await self.status_frame(), silent)

    async def status_frame(self) -> Frame:
        """How the services are; an `error` frame where the store does not say."""
        now = self._hub.clock.now()
        if self._status is None or now - self._status[0] >= FRESH:
            try:
                self._status = (now, await self._run(self._read_status))
            except StoreError as error:
                return Frame("error", "", data={"code": "store", "message": str(error)})
        return Frame("status_update", "", data=self._status[1])

    @staticmethod
    async def _check(viewer: Viewer) -> End | None:
        try:
            return await viewer.check()
        except Exception:  # whoever decides has trouble of its own: it is asked again in a minute
            log.exception("whether %s may still listen could not be told", viewer.user)
            return None
