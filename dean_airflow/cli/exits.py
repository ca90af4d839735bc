"""How a command ends: 0 when it did what was asked, 1 with one sentence on stderr when not, 130 when interrupted.

SIGTERM, which would end a process where it stands, breaks a command off as Ctrl-C does, so that what it was doing is
tidied up (a trial is closed as cancelled); the code is 143 then.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Any, NoReturn

from dean_airflow.errors import DeanError

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class _Terminated(BaseException):
    """Not an Exception: nothing may take it for a failure of what it was doing."""


def command(function: Callable[[Any], int]) -> Callable[[Any], None]:
    """A command from a function that answers its exit code and may raise DeanError or KeyboardInterrupt."""

    @wraps(function)
    def run(args: Any) -> None:
        try:
            with _broken_off_by_sigterm():
                code = function(args)
        except DeanError as error:
            print(error, file=sys.stderr)
            code = FAILED
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            code = INTERRUPTED
        except _Terminated:
            print("Ended by SIGTERM.", file=sys.stderr)
            code = TERMINATED
        sys.exit(code)

    return run


@contextmanager
def _broken_off_by_sigterm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one would break off the tidying up
    raise _Terminated
