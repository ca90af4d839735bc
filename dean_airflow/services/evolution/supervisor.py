"""Keeps a child process for each trial that a stand-alone server was asked for, until the trial has ended properly.

What is to be done stands in the store: a server that dies loses nothing, because its children end with it and the next
server takes their trials up where their evaluations were recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.errors import DeanError, IllegalTransition, StoreError
from dean_airflow.evolution.target.git import GitCredentials
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.services.evolution.child import Order, command
from dean_airflow.services.server.caller import Caller
from dean_airflow.services.server.threads import Threads
from dean_airflow.store.served import ServedTrial
from dean_airflow.store.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
HELD = timedelta(seconds=10)
"""How long another server waits after this one was last heard of before it takes its trials up."""
RENEWED_EVERY = 2.0
MOST_DEATHS = 3
"""A trial whose process ended so often before it did is given up."""
CLOSING_SECONDS = 20.0
"""How long the process of a stopped trial has to tidy up before it is killed."""
MOST_CLOSING = 2
"""Processes that only close a stopped trial, beside those that run one."""
LONGEST = 6 * 3600.0
"""Seconds a process may take in all: the same bound that a DAG run has."""
LAST_LINES = 20


@dataclass
class _Child:
    trial: ServedTrial
    task: asyncio.Task[None] | None = None
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False
    said: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


class Supervisor:
    """The runner of a stand-alone server. `run` works until it is cancelled, and then ends its children."""

    def __init__(
        self, settings: Settings, store: Store, threads: Threads, credentials: GitCredentials | None = None
    ) -> None:
        self._settings, self._store, self._threads, self._credentials = settings, store, threads, credentials
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._children: dict[str, _Child] = {}
        self._wake = asyncio.Event()
        self._error: str | None = None
        self._running = False

    async def start(
        self, trial_id: str, config: TrialConfig, request: dict[str, Any], caller: Caller, credential: Any
    ) -> None:
        await self._threads(
            lambda: self._store.served.create(
                trial_id,
                config.model_dump(),
                request,
                asked_by=caller.user,
                execution=f"server-{trial_id}",
            )
        )
        self._wake.set()

    async def cancel(self, trial_id: str, caller: Caller, credential: Any) -> None:
        await self._threads(lambda: self._store.trials.transition(trial_id, "cancelled", stop_reason="cancelled"))
        self._wake.set()

    async def check(self) -> None:
        if self._error is not None:
            raise StoreError(self._error)
        if not self._running:
            raise DeanError("The supervisor of trials is not at work.")

    async def run(self) -> None:
        renewed = 0.0
        clock = asyncio.get_running_loop().time
        self._running = True
        try:
            while True:
                try:
                    if clock() - renewed >= RENEWED_EVERY:
                        await self._renew()
                        renewed = clock()
                    await self._stop_those_that_ended()
                    await self._take_up()
                    self._error = None
                except StoreError as error:
                    self._error = str(error)
                    log.warning("The supervisor waits for the store: %s", error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
                self._wake.clear()
        finally:
            self._running = False
            await self._end_all()

    async def _renew(self) -> None:
        """A trial that another server has taken over meanwhile is left to it."""
        mine = list(self._children)
        still = await self._threads(self._store.served.renew, self._holder, mine, HELD)
        for trial_id in set(mine) - set(still):
            if trial_id in self._children:
                _kill(self._children[trial_id])

    async def _stop_those_that_ended(self) -> None:
        """Cancelled here, by a command, or through another server: the store knows."""
        for trial_id, child in list(self._children.items()):
            if child.stopping or child.process is None:
                continue
            trial = await self._threads(self._store.trials.get, trial_id)
            if trial.status in ("cancelled", "failed"):
                child.stopping = True
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
                asyncio.get_running_loop().call_later(CLOSING_SECONDS, _kill, child)

    async def _take_up(self) -> None:
        closing = sum(child.stopping for child in self._children.values())
        free = self._settings.server_trials - len(self._children) + closing
        to_run = await self._threads(self._store.served.claim, self._holder, free, HELD)
        to_close = await self._threads(
            lambda: self._store.served.claim(self._holder, MOST_CLOSING - closing, HELD, ended=True)
        )
        for trial in (*to_run, *to_close):
            if trial.trial_id in self._children:
                continue
            child = _Child(trial, stopping=trial in to_close)
            self._children[trial.trial_id] = child
            child.task = asyncio.create_task(self._attend(child))

    async def _attend(self, child: _Child) -> None:
        """One process from its start to its end, and what its end means."""
        trial_id = child.trial.trial_id
        code: int | None = None
        try:
            code = await asyncio.wait_for(self._process(child), LONGEST)
        except TimeoutError:
            child.said.append(f"It was stopped after {LONGEST / 3600:g} h.")
        except OSError as error:
            child.said.append(f"Its process could not be started: {error}.")
        finally:
            _kill(child)
        try:
            await self._account(child, code)
        except DeanError as error:
            log.warning("The end of %s could not be noted; it will be taken up again: %s", trial_id, error)
        finally:
            self._children.pop(trial_id, None)
            self._wake.set()

    async def _process(self, child: _Child) -> int:
        order = Order(child.trial.trial_id, self._settings, self._credentials)
        child.process = await asyncio.create_subprocess_exec(
            *command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert child.process.stdin is not None and child.process.stderr is not None
        with contextlib.suppress(ConnectionError):
            child.process.stdin.write(order.line())
            await child.process.stdin.drain()
        # The pipe stays open: the child ends when it closes, however this process ends.
        while chunk := await child.process.stderr.read(65_536):
            for text in chunk.decode("utf-8", "replace").splitlines():
                child.said.append(text[:1000])
                log.info("%s: %s", child.trial.trial_id, text)
        return await child.process.wait()

    async def _account(self, child: _Child, code: int | None) -> None:
        trial_id = child.trial.trial_id
        trial = await self._threads(self._store.trials.get, trial_id)
        if code == 0 and trial.is_final and trial.result is not None:
            await self._threads(lambda: self._store.served.release(self._holder, trial_id, closed=True))
            return
        if not trial.is_final and child.trial.deaths + 1 >= MOST_DEATHS:
            await self._threads(self._give_up, trial_id, code, list(child.said))
        hopeless = child.trial.deaths >= 2 * MOST_DEATHS  # not even tidying up succeeds
        await self._threads(lambda: self._store.served.release(self._holder, trial_id, died=True, closed=hopeless))

    def _give_up(self, trial_id: str, code: int | None, said: list[str]) -> None:
        last = said[-1] if said else "it said nothing"
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        with contextlib.suppress(IllegalTransition):
            self._store.trials.transition(
                trial_id,
                "failed",
                stop_reason="error",
                error=f"The trial's process ended {MOST_DEATHS} times before the trial did ({how}): {last}"[:1000],
            )

    async def _end_all(self) -> None:
        """Children end without closing their trials, which are free at once for the next server."""
        children = list(self._children.values())
        for child in children:
            _kill(child)
            if child.process is not None:
                await child.process.wait()
        tasks = [child.task for child in children if child.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for child in children:
            with contextlib.suppress(StoreError):
                await self._threads(self._store.served.release, self._holder, child.trial.trial_id)


def _kill(child: _Child) -> None:
    """The whole session of the child; its jails end with it."""
    process = child.process
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
