"""`python -m dean_airflow.services.evolution.child`: runs one trial of a server's, from wherever it is to its end.

Its order comes as one line on stdin, which has secrets in it, and stdin then stays open as long as the server lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import dataclass, replace
from types import FrameType
from typing import IO, NoReturn

from dean_airflow.config import Settings
from dean_airflow.errors import DeanError, StoreError
from dean_airflow.evolution.target.git import GitCredentials

ENDED, FAILED, ORPHANED = 0, 1, 3
"""The trial is final and closed; it is not, and somebody has to look again; the server is gone."""


@dataclass(frozen=True)
class Order:
    """What a child is to do, with what it needs for that."""

    trial_id: str
    settings: Settings
    credentials: GitCredentials | None

    def line(self) -> bytes:
        credentials = None if self.credentials is None else [self.credentials.username, self.credentials.password]
        settings = self.settings.model_dump(mode="json")
        return json.dumps([self.trial_id, settings, credentials]).encode() + b"\n"

    @classmethod
    def read(cls, stream: _Lines) -> Order | None:
        """None when the server went before it had said what to do."""
        line = stream.readline()
        if not line.endswith(b"\n"):
            return None
        trial_id, settings, credentials = json.loads(line)
        return cls(trial_id, Settings(**settings), GitCredentials(*credentials) if credentials else None)


def command() -> list[str]:
    return [sys.executable, "-m", "dean_airflow.services.evolution.child"]


def main() -> int:
    stdin = os.fdopen(0, "rb", buffering=0)
    order = Order.read(_Lines(stdin))
    if order is None:
        return ORPHANED
    threading.Thread(target=_end_with_server, args=(stdin,), daemon=True, name="server watch").start()
    signal.signal(signal.SIGTERM, _stop)
    try:
        return run(order)
    except DeanError as error:
        _say(str(error))
        return FAILED


def run(order: Order) -> int:
    """Carries the trial to its end, or only closes it where it was stopped. Raises StoreError."""
    from dean_airflow.evolution.coordinator import EmbeddedEngine
    from dean_airflow.evolution.engine import open_engine
    from dean_airflow.evolution.trial import close_trial
    from dean_airflow.evolution.trial_config import TrialConfig

    with open_engine(order.settings, _say, order.credentials) as engine:
        trial = engine.store.trials.get(order.trial_id)
        if trial.is_final:
            if trial.result is None:
                close_trial(trial.id, engine, succeeded=trial.status == "completed")
            return ENDED
        # Under the execution it was created with: a trial that is cancelled meanwhile is not taken up again.
        own = replace(engine, execution=trial.execution)
        try:
            EmbeddedEngine(own).run(trial.id, TrialConfig.build(trial.config), lambda generation: None)
        except StoreError:
            raise
        except DeanError as error:
            _say(str(error))  # the trial has it, too, and was closed
        return ENDED if engine.store.trials.get(trial.id).is_final else FAILED


class _Lines:
    """Reads a line without reading ahead: what comes after it is for the watch."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (byte := self._stream.read(1)):
            line += byte
        return line


def _end_with_server(stdin: IO[bytes]) -> NoReturn:
    while stdin.read(4096):
        pass
    os._exit(ORPHANED)  # at once, writing nothing: the trial goes on with the next server


def _stop(number: int, frame: FrameType | None) -> None:
    """The trial was stopped: whatever is under way is broken off, and the engine tidies up."""
    raise SystemExit(ENDED)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
