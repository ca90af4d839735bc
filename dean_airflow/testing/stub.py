"""What the three stubs have in common: a server, faults, recorded requests, scenarios, a state that can be reset."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

from fastapi import FastAPI

from dean_airflow.testing.admin import admin_router
from dean_airflow.testing.fault_layer import FaultLayer
from dean_airflow.testing.faults import Faults
from dean_airflow.testing.recorder import Recorder
from dean_airflow.testing.scenario import Play, Scenario
from dean_airflow.testing.server import StubServer

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Stub(ABC):
    """A service that lives in memory and is served over real HTTP.

    Its methods may be called from any thread. What it knows survives `stop` and `start` (the service was killed and
    came back), and ends with `reset`.
    """

    name: ClassVar[str]

    def __init__(
        self, *, scenario: Scenario | None = None, now: Callable[[], datetime] = utc_now, port: int = 0
    ) -> None:
        """`scenario` is what happens to every trial or run; `now` gives the time that answers show."""
        self.now = now
        self.faults = Faults()
        self.requests = Recorder()
        self._default = scenario or Scenario()
        self.prepare()
        self.forget()
        self.app = self.build()
        """Without faults and without a server, for tests that call it themselves."""
        self.app.include_router(admin_router(self))
        self._server = StubServer(FaultLayer(self.app, self.faults, self.requests), port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._playing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return self._server.url

    @property
    def running(self) -> bool:
        return self._server.running

    @abstractmethod
    def build(self) -> FastAPI:
        """The app with the service's routes."""

    def prepare(self) -> None:  # noqa: B027
        """Makes what lives as long as the stub, for those that have any."""

    @abstractmethod
    def forget(self) -> None:
        """Starts with an empty state. Overridden to make it, and calls this one."""
        self.scenario = self._default
        self._next: deque[Scenario] = deque()
        self._plays: dict[str, Play] = {}
        self.chance = random.Random(f"{self.name}/{self._default.seed}")

    async def start(self) -> None:
        """Listens, in the running loop; trials under way go on."""
        self._loop = asyncio.get_running_loop()
        await self._server.start()
        for play in self._plays.values():
            self._go_on(play)

    async def stop(self) -> None:
        """As when its process is killed: connections are cut, trials stand still."""
        await self._stand_still()
        await self._server.stop()

    def reset(self) -> None:
        """Forgets everything: trials, agents, runs, faults, recorded requests, scenarios to come."""
        self.faults.clear()
        self.requests.clear()
        self.within(self._reset)

    def script(self, *scenarios: Scenario) -> None:
        """The next trials or runs go through these scenarios, one each; later ones through `scenario` again."""
        self._next.extend(scenarios)

    def advance(self, id: str | None = None, steps: int = 1) -> int:
        """Takes so many steps of one trial or run, or of all; returns how many were taken. Raises KeyError."""
        return self.within(lambda: self._advance(id, steps))

    def next_scenario(self) -> Scenario:
        return self._next.popleft() if self._next else self.scenario

    def play(self, id: str, play: Play) -> None:
        """Lets it go through its scenario."""
        self._plays[id] = play
        self._go_on(play)

    def stop_playing(self, id: str) -> None:
        """It was cancelled: no further step."""
        self._plays[id].stop()

    def random_id(self, prefix: str) -> str:
        """The next of the ids that this stub's seed gives."""
        return f"{prefix}{self.chance.getrandbits(48):012x}"

    def within(self, action: Callable[[], T]) -> T:
        """The action's result, from the stub's loop if it has one: its state is touched by one thread only."""
        loop = self._loop
        if loop is None or not loop.is_running() or loop is _current_loop():
            return action()

        async def done() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(done(), loop).result()

    def _go_on(self, play: Play) -> None:
        if play.over or play.scenario.pace is None or not self.running:
            return
        task = asyncio.get_running_loop().create_task(play.run())
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)

    def _advance(self, id: str | None, steps: int) -> int:
        plays = [self._plays[id]] if id is not None else list(self._plays.values())
        return sum(play.advance(steps) for play in plays)

    def _reset(self) -> None:
        for task in self._playing:
            task.cancel()
        self.forget()

    async def _stand_still(self) -> None:
        playing = list(self._playing)
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)


def _current_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
